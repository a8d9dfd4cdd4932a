"""params.yaml as typed, validated models: the single source of every knob.

Facts about footage stand under ``datasets``, choices under ``experiments``, and what changes no
result under ``machine``. An unknown key, a wrong type or a dangling name is a `HumotionError` that
names the key, so that a typo never trains silently with a default.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from humotion.errors import HumotionError
from humotion.model_params import CPMParams, LSTMPoseMachineParams, LSViTParams, RPMParams, ViTParams
from humotion.section import Section
from humotion.sweep_params import SweepParams
from humotion.training_params import (
    ActionOptimizerParams,
    ActionRegisterParams,
    ActionTrainerParams,
    OptimizerParams,
    PoseRegisterParams,
    PoseTrainerParams,
)

PARAMS_FILE = Path("params.yaml")
TAGS = {
    *("action_recognition", "pose_estimation"),
    *("ls_vit", "vit"),
    *("lstm_pm", "rpm", "cpm"),
    *("cross_entropy", "class_balanced", "focal", "logit_adjustment"),
    *("float", "int", "categorical"),
}


# --- datasets: facts, prepared once ---------------------------------------------------------------


class FrameParams(Section):
    """How decoded frames are kept."""

    short_side: int = Field(240, ge=16, description="frames are shrunk to this short side, never enlarged")
    jpeg_quality: int = Field(90, ge=1, le=100)
    shards: int = Field(16, ge=1, le=4096, description="files in the frame store; a video's shard never changes")


class DecodeParams(Section):
    """How videos are decoded."""

    device: Literal["cpu", "cuda"] = Field(
        "cpu", description="cuda: on the GPU what it can decode, the rest on the CPU"
    )


class DatasetParams(Section):
    """Raw footage: where it lies and in which official layout."""

    layout: str
    root: Path
    decode: DecodeParams = DecodeParams()
    frames: FrameParams = FrameParams()


# --- experiments: choices -------------------------------------------------------------------------


class ClipParams(Section):
    """Which clips: the split, the validation fold, and how frames are sampled."""

    split: str = Field("split_1", description="an official split, or grouped: one made of all videos, by group")
    validation_folds: int = Field(5, ge=2)
    validation_fold: int = Field(0, ge=0)
    num_frames: int = Field(ge=1)

    @model_validator(mode="after")
    def _fold_exists(self) -> ClipParams:
        if self.validation_fold >= self.validation_folds:
            raise ValueError(f"validation_fold must be below validation_folds ({self.validation_folds})")
        return self


class LongTailParams(Section):
    """Training clips thinned out to an exponential profile of class sizes, to study imbalance."""

    ratio: float = Field(10.0, ge=1, description="clips of the largest class over clips of the smallest")
    seed: int = Field(0, ge=0, description="decides which classes are small, and which clips stay")


class ActionClipParams(ClipParams):
    """Uniformly spaced frames over the whole clip, the last one repeated where a clip is too short."""

    sampling: Literal["uniform"] = "uniform"
    num_frames: int = Field(16, ge=1)
    long_tail: LongTailParams | None = None


class PoseClipParams(ClipParams):
    """Windows of consecutive frames for training; validation and test read whole videos."""

    sampling: Literal["consecutive"] = "consecutive"
    num_frames: int = Field(5, ge=1)
    stride: int = Field(5, ge=1, description="frames between the starts of neighbouring windows")


class TransformParams(BaseModel):
    """One albumentations transform: its class name and its keyword arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of the transform."""
        return dict(self.model_extra or {})


class AugmentParams(Section):
    """Class balance, replicas an epoch, and the augmentation policy of training clips."""

    balance: Literal["none", "oversample", "undersample", "square_root"] = "none"
    replicas: int = Field(1, ge=1, description="differently augmented copies of a training clip in an epoch")
    size: int = Field(ge=16, description="side of the square frames that the model sees, in pixels")
    policy: tuple[TransformParams, ...] = ()


class ActionAugmentParams(AugmentParams):
    """Whole frames: training by the policy, evaluation by a centre crop."""

    size: int = Field(224, ge=16)


class PoseGeometryParams(Section):
    """One scale, rotation and mirroring a training clip, drawn before its frames are cropped."""

    scale: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = Field(
        (1.0, 1.0), description="least and largest, relative to the crops of evaluation"
    )
    rotate: float = Field(0.0, ge=0, le=180, description="degrees at most, to either side")
    flip: float = Field(0.0, ge=0, le=1, description="probability of mirroring")

    @field_validator("scale")
    @classmethod
    def _in_order(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise ValueError("scale gives the least first, then the largest")
        return value


class PoseAugmentParams(AugmentParams):
    """Person-centred crops: one scale a clip, one centre a frame."""

    size: int = Field(368, ge=16)
    person_scale: float = Field(1.25, gt=0, description="side of the crop over the clip's largest box side")
    pixel_scale: float | None = Field(
        None, gt=0, description="instead: pixels of the crop over pixels of the stored frame, whoever is in it"
    )
    geometry: PoseGeometryParams | None = None


class EvaluateParams(Section):
    """Evaluation on the official test split."""

    overlays: int = Field(4, ge=0, description="test clips drawn as videos")
    bootstrap: int = Field(2000, ge=100, description="resamples of the paired bootstrap over groups")


class PoseEvaluateParams(EvaluateParams):
    """How the test joints are found."""

    scales: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (1.0,), min_length=1, description="sizes at which a person is shown, relative to augment.person_scale"
    )
    decoding: Literal["argmax", "quarter", "dark"] = Field(
        "dark", description="joints from maps; validation and prediction have the default"
    )


class Experiment(Section):
    """What every experiment has: a dataset, a seed, and an optimiser."""

    dataset: str
    seed: int = Field(0, ge=0)
    optimizer: OptimizerParams


class ActionExperiment(Experiment):
    """Which action is it?"""

    task: Literal["action_recognition"]
    clips: ActionClipParams = ActionClipParams()
    augment: ActionAugmentParams = ActionAugmentParams()
    model: Annotated[LSViTParams | ViTParams, Field(discriminator="name")]
    optimizer: ActionOptimizerParams
    trainer: ActionTrainerParams
    evaluate: EvaluateParams = EvaluateParams()
    register_: ActionRegisterParams = Field(ActionRegisterParams(), alias="register")


class PoseExperiment(Experiment):
    """Where is every joint in every frame?"""

    task: Literal["pose_estimation"]
    clips: PoseClipParams = PoseClipParams()
    augment: PoseAugmentParams = PoseAugmentParams()
    model: Annotated[LSTMPoseMachineParams | RPMParams | CPMParams, Field(discriminator="name")]
    trainer: PoseTrainerParams
    evaluate: PoseEvaluateParams = PoseEvaluateParams()
    register_: PoseRegisterParams = Field(PoseRegisterParams(), alias="register")


AnyExperiment = ActionExperiment | PoseExperiment


# --- rebalancing: heads re-trained on a trained model's embeddings --------------------------------


class RebalanceParams(Section):
    """Heads that are compared on the embeddings of an experiment's frozen backbone."""

    seed: int = Field(0, ge=0, description="of the resampling and the bootstrap")
    k_neighbors: int = Field(5, ge=1, description="of SMOTE; fewer where the smallest class is smaller")
    l2: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0), min_length=1, description="strengths tried on validation clips"
    )
    tau: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), min_length=1, description="tried likewise"
    )
    bootstrap: int = Field(2000, ge=100, description="resamples of the paired bootstrap over groups")


# --- machine: changes no result -------------------------------------------------------------------


class MachineParams(Section):
    """What this machine can do. No stage tracks it, because it changes no result."""

    workers: int | Literal["auto"] = "auto"
    accelerator: str = "auto"
    devices: int | Literal["auto"] = "auto"
    tracking_uri: str | None = Field(None, description="MLFLOW_TRACKING_URI wins; null: mlflow.db in the checkout")
    cluster: str | None = Field(
        None, pattern="://", description="a Dask scheduler (tcp://host:8786) whose workers extract, instead of ours"
    )
    sweep_workers: int = Field(1, ge=1, description="processes that train trials of a sweep side by side")
    sweep_storage: str | None = Field(None, description="OPTUNA_STORAGE wins; null: optuna.db in the checkout")

    @field_validator("workers")
    @classmethod
    def _not_negative(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 0:
            raise ValueError("workers must be 0 or more, or auto")
        return value

    @property
    def num_workers(self) -> int:
        """Worker processes for extraction and loading: what is set, or one a usable core."""
        return len(os.sched_getaffinity(0)) if self.workers == "auto" else int(self.workers)


class Params(Section):
    """All of params.yaml."""

    datasets: dict[str, DatasetParams]
    experiments: dict[str, Annotated[AnyExperiment, Field(discriminator="task")]]
    rebalance: dict[str, RebalanceParams] = Field({}, description="heads to compare, by the experiment's name")
    sweeps: dict[str, SweepParams] = Field({}, description="searches, by the experiment's name")
    machine: MachineParams = MachineParams()

    @model_validator(mode="after")
    def _rebalanced_are_actions(self) -> Params:
        for name in self.rebalance:
            if not isinstance(self.experiments.get(name), ActionExperiment):
                raise ValueError(f"rebalance.{name} needs an experiment {name!r} of task action_recognition")
        return self

    @model_validator(mode="after")
    def _names_fit(self) -> Params:
        for name, experiment in self.experiments.items():
            if experiment.dataset not in self.datasets:
                known = ", ".join(self.datasets)
                raise ValueError(
                    f"experiments.{name}.dataset is {experiment.dataset!r}, which is not among datasets: {known}"
                )
        if unknown := self.sweeps.keys() - self.experiments.keys():
            raise ValueError(f"sweeps.{sorted(unknown)[0]} is the sweep of no experiment of that name")
        if shared := self.datasets.keys() & self.experiments.keys():
            raise ValueError(
                f"{', '.join(sorted(shared))} names a dataset and an experiment; "
                "both have folders under metrics/ and reports/, so the names must differ"
            )
        return self

    def dataset(self, name: str) -> DatasetParams:
        """The dataset of that name, or an error listing the known ones."""
        return _lookup(self.datasets, name, "dataset")

    def experiment(self, name: str) -> AnyExperiment:
        """The experiment of that name, or an error listing the known ones."""
        return _lookup(self.experiments, name, "experiment")

    def sweep(self, name: str) -> SweepParams:
        """The sweep of the experiment of that name, or an error listing those that have one."""
        self.experiment(name)
        return _lookup(self.sweeps, name, "sweep")


def _lookup(table: dict[str, Any], name: str, kind: str) -> Any:
    if name not in table:
        raise HumotionError(f"params.yaml has no {kind} {name!r}; it has {', '.join(table) or 'none'}.")
    return table[name]


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and validate params.yaml.

    Raises:
        HumotionError: the file is absent, is not YAML, or has an unknown key or a bad value.
    """
    try:
        raw = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HumotionError(f"{path} is not here; run humotion in the root of a checkout.") from None
    except YAMLError as error:
        raise HumotionError(f"{path} is not valid YAML: {error}") from None
    return validate_params(raw, f"{path} is not valid:")


def validate_params(raw: Any, complaint: str) -> Params:
    """Params of a plain map; what is wrong with it is listed under ``complaint`` in a `HumotionError`."""
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise HumotionError(_explain(complaint, error)) from None


def _explain(complaint: str, error: ValidationError) -> str:
    lines = [complaint]
    for issue in error.errors():
        # A tagged union puts its tag into the location; the user never wrote it.
        keys = [str(key) for index, key in enumerate(issue["loc"]) if not (index >= 2 and key in TAGS)]
        where = ".".join(keys) or "(top level)"
        unknown = issue["type"] == "extra_forbidden"
        what = "unknown key; is it misspelt, or in the wrong section?" if unknown else issue["msg"]
        lines.append(f"  {where}: {what}")
    return "\n".join(lines)

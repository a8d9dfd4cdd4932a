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
from humotion.section import Section
from humotion.sweep_params import SweepParams

PARAMS_FILE = Path("params.yaml")


# --- datasets: facts, prepared once ---------------------------------------------------------------


class FrameParams(Section):
    """How decoded frames are kept."""

    short_side: int = Field(240, ge=16, description="frames are shrunk to this short side, never enlarged")
    jpeg_quality: int = Field(90, ge=1, le=100)
    shards: int = Field(16, ge=1, le=4096, description="files in the frame store; a video's shard never changes")


class DatasetParams(Section):
    """Raw footage: where it lies and in which official layout."""

    layout: str
    root: Path
    frames: FrameParams = FrameParams()


# --- experiments: choices -------------------------------------------------------------------------


class ClipParams(Section):
    """Which clips: the official split, the validation fold, and how frames are sampled."""

    split: str = "split_1"
    validation_folds: int = Field(5, ge=2)
    validation_fold: int = Field(0, ge=0)
    num_frames: int = Field(ge=1)

    @model_validator(mode="after")
    def _fold_exists(self) -> ClipParams:
        if self.validation_fold >= self.validation_folds:
            raise ValueError(f"validation_fold must be below validation_folds ({self.validation_folds})")
        return self


class ActionClipParams(ClipParams):
    """Uniformly spaced frames over the whole clip, the last one repeated where a clip is too short."""

    sampling: Literal["uniform"] = "uniform"
    num_frames: int = Field(16, ge=1)


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


class PoseAugmentParams(AugmentParams):
    """Person-centred crops: one scale a clip, one centre a frame."""

    size: int = Field(368, ge=16)
    person_scale: float = Field(1.25, gt=0, description="side of the crop over the clip's largest box side")


class LSTMPoseMachineParams(Section):
    """LSTM Pose Machine; the defaults are the official sizes."""

    name: Literal["lstm_pm"]
    width: float = Field(1.0, gt=0, description="multiplies the channels of every convolution")
    dropout: float = Field(0.5, ge=0, lt=1)
    init: Literal["official", "he"] = "official"


class ViTParams(Section):
    """A plain image ViT whose class tokens are averaged over the frames; defaults are ViT-B/16."""

    name: Literal["vit"]
    patch_size: int = 16
    dim: int = 768
    depth: int = 12
    heads: int = 12
    drop_path: float = Field(0.0, ge=0, lt=1)
    class_token: bool = Field(True, description="false: an image's embedding is the mean of its patch tokens")
    layer_scale: float | None = Field(None, description="initial value, for checkpoints that have it (DINOv2)")
    weights: Path | None = Field(None, description="a timm-format checkpoint to start from")
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)


class LSViTParams(ViTParams):
    """LS-ViT: the plain ViT with short-term (SMIF) and long-term (LMI) motion modules."""

    name: Literal["ls_vit"]  # type: ignore[assignment]
    setting: Literal["reference", "default"] = "default"
    num_neighbours: int = Field(3, ge=1, description="raw frames around each sampled one; odd")


class OptimizerParams(Section):
    """Optimiser and learning-rate schedule."""

    name: Literal["adamw", "sgd"] = "adamw"
    lr: float = Field(gt=0)
    weight_decay: float = Field(0.05, ge=0, description="not applied to biases, norms and scalars")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_epochs: float = Field(0, ge=0)


class ActionOptimizerParams(OptimizerParams):
    """The optimiser of action recognition: layers beside the ViT may learn faster than the ViT."""

    head_lr_factor: float = Field(1.0, gt=0, description="on the lr of everything that is not the ViT itself")


class TrainerParams(Section):
    """The training loop. ``batch_size`` is global: it is shared out over the devices."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    accumulate: int = Field(1, ge=1)
    gradient_clip: float | None = Field(None, gt=0)


class ActionTrainerParams(TrainerParams):
    """The training loop of action recognition."""

    label_smoothing: float = Field(0.0, ge=0, lt=1)


class EvaluateParams(Section):
    """Evaluation on the official test split."""

    overlays: int = Field(4, ge=0, description="test clips drawn as videos")
    bootstrap: int = Field(2000, ge=100, description="resamples of the paired bootstrap over groups")


class RegisterParams(Section):
    """When a new version takes the champion's place, decided on validation clips alone."""

    min_gain: float = Field(0.0, ge=0, description="validation gain over the champion that is asked for")
    bootstrap: int = Field(2000, ge=100, description="resamples of the paired bootstrap over groups")


class Experiment(Section):
    """What every experiment has: a dataset, a seed, and when its model becomes champion."""

    dataset: str
    seed: int = Field(0, ge=0)
    optimizer: OptimizerParams
    register_: RegisterParams = Field(RegisterParams(), alias="register")


class ActionExperiment(Experiment):
    """Which action is it?"""

    task: Literal["action_recognition"]
    clips: ActionClipParams = ActionClipParams()
    augment: ActionAugmentParams = ActionAugmentParams()
    model: Annotated[LSViTParams | ViTParams, Field(discriminator="name")]
    optimizer: ActionOptimizerParams
    trainer: ActionTrainerParams
    evaluate: EvaluateParams = EvaluateParams()


class PoseExperiment(Experiment):
    """Where is every joint in every frame?"""

    task: Literal["pose_estimation"]
    clips: PoseClipParams = PoseClipParams()
    augment: PoseAugmentParams = PoseAugmentParams()
    model: LSTMPoseMachineParams
    trainer: TrainerParams
    evaluate: EvaluateParams = EvaluateParams()


AnyExperiment = ActionExperiment | PoseExperiment


# --- machine: changes no result -------------------------------------------------------------------


class MachineParams(Section):
    """What this machine can do. No stage tracks it, because it changes no result."""

    workers: int | Literal["auto"] = "auto"
    accelerator: str = "auto"
    devices: int | Literal["auto"] = "auto"
    tracking_uri: str | None = Field(None, description="MLFLOW_TRACKING_URI wins; null: mlflow.db in the checkout")
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
    sweeps: dict[str, SweepParams] = Field({}, description="searches, by the experiment's name")
    machine: MachineParams = MachineParams()

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
        tags = {"action_recognition", "pose_estimation", "ls_vit", "vit", "float", "int", "categorical"}
        keys = [str(key) for index, key in enumerate(issue["loc"]) if not (index >= 2 and key in tags)]
        where = ".".join(keys) or "(top level)"
        unknown = issue["type"] == "extra_forbidden"
        what = "unknown key; is it misspelt, or in the wrong section?" if unknown else issue["msg"]
        lines.append(f"  {where}: {what}")
    return "\n".join(lines)

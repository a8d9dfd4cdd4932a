"""params.yaml as typed, validated models: the single source of every knob.

Facts about footage stand under ``datasets``, choices under ``experiments``, and what changes no
result under ``machine``. An unknown key, a wrong type or a dangling name is a `HumotionError` that
names the key, so that a typo never trains silently with a default.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from humotion.data_params import ActionAugmentParams, ActionClipParams, DatasetParams, PoseAugmentParams, PoseClipParams
from humotion.errors import HumotionError
from humotion.evaluate_params import ActionEvaluateParams, PoseEvaluateParams
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


# --- experiments: choices -------------------------------------------------------------------------


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
    evaluate: ActionEvaluateParams = ActionEvaluateParams()
    register_: ActionRegisterParams = Field(ActionRegisterParams(), alias="register")

    @model_validator(mode="after")
    def _a_probe_has_weights(self) -> ActionExperiment:
        if self.evaluate.linear_probe and self.model.weights is None:
            raise ValueError(
                "evaluate.linear_probe needs model.weights, the pretrained weights whose features it reads"
            )
        return self


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

"""params.yaml as typed, validated models: the single source of every knob.

Facts about footage stand under ``datasets``, choices under ``experiments``, and what changes no
result under ``machine``. An unknown key, a wrong type or a dangling name is a `HumotionError` that
names the key, so that a typo never trains silently with a default.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from humotion.errors import HumotionError
from humotion.params.dataset import DatasetParams
from humotion.params.machine import MachineParams
from humotion.params.rebalance import RebalanceParams
from humotion.params.section import Section
from humotion.params.sweep import SweepParams
from humotion.params.tasks.action_recognition import (
    ActionExperiment,
)
from humotion.params.tasks.pose_estimation import (
    PoseExperiment,
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


AnyExperiment = ActionExperiment | PoseExperiment


# --- rebalancing: heads re-trained on a trained model's embeddings --------------------------------


# --- machine: changes no result -------------------------------------------------------------------


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

"""params.yaml as typed, validated models: the single source of every setting.

``datasets`` has the facts about footage, ``experiments`` has the choices, and ``machine`` has the settings that change
no result. An unknown key, a wrong type or a name that does not exist raises a `HumotionError`. It names the key, so
that a typing error never trains silently with a default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from humotion.errors import HumotionError
from humotion.params.complaint import complaint_about
from humotion.params.dataset import DatasetParams
from humotion.params.experiment import ModelParams
from humotion.params.fusion import FusionParams, check_fusions
from humotion.params.layer import LABELS, WRITTEN_OUT, LayerParams
from humotion.params.layers import AnyLayer
from humotion.params.machine import MachineParams
from humotion.params.names import SWEEP_COMMANDS, Name
from humotion.params.rebalance import RebalanceParams
from humotion.params.section import Section
from humotion.params.sweep import SweepParams
from humotion.params.tasks.action_recognition import ActionExperiment
from humotion.params.tasks.multi_person_pose import MultiPersonExperiment
from humotion.params.tasks.pose_estimation import PoseExperiment
from humotion.params.unseen import WHY, unseen_settings

PARAMS_FILE = Path("params.yaml")
AnyExperiment = ActionExperiment | MultiPersonExperiment | PoseExperiment
"""The experiments of every task; ``task`` decides which one it is."""
AnyMaker = AnyExperiment | FusionParams
"""What makes the folder ``models/<name>/``."""
MAPS = ("layers", "fusions")
"""Maps that dvc.yaml unrolls, so that they are in params.yaml even if they are empty."""


class Params(Section):
    """All of params.yaml."""

    datasets: dict[Name, DatasetParams]
    layers: dict[Name, AnyLayer] = Field({}, description="facts of every frame, each made by one tool")
    experiments: dict[Name, Annotated[AnyExperiment, Field(discriminator="task")]]
    fusions: dict[Name, FusionParams] = Field({}, description="pairs of models whose answers count together")
    rebalance: dict[Name, RebalanceParams] = Field({}, description="heads to compare, by name of the experiment")
    sweeps: dict[Name, SweepParams] = Field({}, description="searches, by name of the experiment")
    machine: MachineParams = MachineParams()

    @model_validator(mode="after")
    def _rebalanced_are_actions(self) -> Params:
        for name in self.rebalance:
            if not isinstance(self.experiments.get(name), ActionExperiment):
                raise ValueError(f"rebalance.{name} needs an experiment {name!r} of task action_recognition")
        return self

    @model_validator(mode="after")
    def _fusions_fit(self) -> Params:
        check_fusions(self.fusions, self.experiments)
        return self

    @model_validator(mode="after")
    def _layers_fit(self) -> Params:
        if LABELS in self.layers:
            raise ValueError(f"layers.{LABELS}: this name is taken: it stands for what a dataset itself shipped")
        for name, layer in self.layers.items():
            if layer.dataset not in self.datasets:
                known = ", ".join(self.datasets)
                raise ValueError(f"layers.{name}.dataset is {layer.dataset!r}, which is not under datasets: {known}")
            self._must_end_at_labels(name)
        for name, experiment in self.experiments.items():
            fitting = [LABELS, *(key for key, layer in self.layers.items() if layer.dataset == experiment.dataset)]
            if experiment.layer not in fitting:
                raise ValueError(
                    f"experiments.{name}.layer is {experiment.layer!r}, which is no layer of its dataset "
                    f"{experiment.dataset!r}; it can be {', '.join(fitting)}"
                )
        return self

    def _must_end_at_labels(self, name: str) -> None:
        """Raise a ValueError unless the layers that a layer is made of exist, and none is made of itself."""
        seen, dataset = [name], self.layers[name].dataset
        while (read := self.layers[seen[-1]].of) != LABELS:
            if read in seen:
                circle = " of ".join([*seen[seen.index(read) :], read])
                raise ValueError(f"layers.{name}.of: no layer can be made of itself ({circle})")
            if read not in self.layers or self.layers[read].dataset != dataset:
                others = (key for key, layer in self.layers.items() if layer.dataset == dataset and key != seen[-1])
                raise ValueError(
                    f"layers.{seen[-1]}.of is {read!r}, which is no other layer of its dataset {dataset!r}; it can be "
                    f"{', '.join([LABELS, *others])}"
                )
            seen.append(read)

    @model_validator(mode="after")
    def _names_fit(self) -> Params:
        for name, experiment in self.experiments.items():
            if experiment.dataset not in self.datasets:
                known = ", ".join(self.datasets)
                raise ValueError(
                    f"experiments.{name}.dataset is {experiment.dataset!r}, which is not under datasets: {known}"
                )
        if unknown := self.sweeps.keys() - self.experiments.keys():
            raise ValueError(f"sweeps.{sorted(unknown)[0]}: there is no experiment of that name")
        if commands := self.sweeps.keys() & set(SWEEP_COMMANDS):
            raise ValueError(
                f"sweeps.{sorted(commands)[0]}: `humotion sweep {sorted(commands)[0]}` is a command, so an experiment "
                "with a sweep needs another name"
            )
        kinds: dict[str, Mapping[str, Section]] = {
            "a dataset": self.datasets,
            "a layer": self.layers,
            "an experiment": self.experiments,
            "a fusion": self.fusions,
        }
        for (one, its_names), (other, other_names) in combinations(kinds.items(), 2):
            if shared := its_names.keys() & other_names.keys():
                raise ValueError(
                    f"{', '.join(sorted(shared))} names {one} and {other}. "
                    "Both have folders under metrics/ and reports/, so the names must differ"
                )
        return self

    def dataset(self, name: str) -> DatasetParams:
        """The dataset of that name, or an error that lists the known ones."""
        return _lookup(self.datasets, name, "dataset")

    def layer(self, name: str) -> LayerParams:
        """The layer of that name, or an error that lists the known ones."""
        return _lookup(self.layers, name, "layer")

    def experiment(self, name: str) -> AnyExperiment:
        """The experiment of that name, or an error that lists the known ones."""
        return _lookup(self.experiments, name, "experiment")

    @property
    def makers(self) -> dict[str, AnyMaker]:
        """Everything that makes a model: the experiments, and then the fusions."""
        return {**self.experiments, **self.fusions}

    def maker(self, name: str) -> AnyMaker:
        """The experiment or fusion of that name, or an error that lists the known ones."""
        return _lookup(self.makers, name, "experiment or fusion")

    def fusion(self, name: str) -> FusionParams:
        """The fusion of that name, or an error that lists the known ones."""
        return _lookup(self.fusions, name, "fusion")

    def sweep(self, name: str) -> SweepParams:
        """The sweep of the experiment of that name, or an error that lists the experiments with a sweep."""
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
        raise HumotionError(f"{path} does not exist here. Run humotion in the root of a checkout.") from None
    except DuplicateKeyError as error:
        raise HumotionError(f"{path} is not valid YAML: {twice(error)}") from None
    except YAMLError as error:
        raise HumotionError(f"{path} is not valid YAML: {error}") from None
    # DVC unrolls these, so they are written out where there is a pipeline.
    if isinstance(raw, dict) and (_absent_maps(raw) or _left_out(raw)) and (path.parent / "dvc.yaml").exists():
        raise HumotionError(_what_to_add(f"{path} is not valid:", raw))
    return validate_params(raw, f"{path} is not valid:")


def twice(error: DuplicateKeyError) -> str:
    """The error for a key that a map has twice: which key, and the line where it is again."""
    key = re.search(r'duplicate key "(.*?)" with value', str(error.problem), re.DOTALL)
    named = f"the key {key[1]!r}" if key else "a key"
    again = f" (again in line {error.problem_mark.line + 1})" if error.problem_mark is not None else ""
    return f"{named} is there twice in the same map{again}. Remove one of the two."


def validate_params(raw: Any, complaint: str) -> Params:
    """Make Params of a plain map; a `HumotionError` lists all errors under the line ``complaint``."""
    if lines := unseen_settings(raw):
        raise HumotionError("\n".join([complaint, *(f"  {line}" for line in lines), WHY]))
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise HumotionError(_explain(complaint, raw, error)) from None


def _explain(complaint: str, raw: Any, error: ValidationError) -> str:
    if missing_choices(raw):
        return _what_to_add(complaint, raw)
    return "\n".join([complaint, *(f"  {complaint_about(raw, issue)}" for issue in error.errors())])


def _what_to_add(complaint: str, raw: Any) -> str:
    lines = [*_absent_maps(raw), *_left_out(raw), *missing_choices(raw)]
    return (
        f"{complaint} it is of an earlier version of humotion. It must now have all sections, each layer must "
        "name the layer that its tool reads (of) and the family of its frozen network (backbone), and each "
        "experiment must name what its model sees (input), a layer of its dataset (layer), and the family of its "
        "model (model.family). Add:\n" + "\n".join(f"  {line}" for line in lines)
    )


def _absent_maps(raw: dict[str, Any]) -> list[str]:
    """The maps that params.yaml lacks although dvc.yaml unrolls them, as ``key: value``."""
    return [f"{key}: {{}}" for key in MAPS if key not in raw]


def _left_out(raw: dict[str, Any]) -> list[str]:
    """The settings that a layer lacks although dvc.yaml names folders by them, as ``path: value``."""
    layers = raw.get("layers")
    return [
        f"layers.{name}.{key}: {usual}"
        for name, layer in (layers if isinstance(layers, dict) else {}).items()
        for key, usual in WRITTEN_OUT.items()
        if isinstance(layer, dict) and key not in layer
    ]


def missing_choices(raw: Any) -> list[str]:
    """The lines that each experiment of an older params.yaml lacks, as ``path: value``; empty for a new one."""
    lines = []
    experiments = raw.get("experiments") if isinstance(raw, dict) else None
    for name, experiment in (experiments or {}).items():
        model = experiment.get("model") if isinstance(experiment, dict) else None
        kind = _experiment_of_task(experiment.get("task")) if isinstance(model, dict) else None
        if kind is None or not isinstance(model, dict):
            continue
        if "input" not in experiment:
            lines.append(f"experiments.{name}.input: {_only(kind, 'input')}")
        if "layer" not in experiment:
            lines.append(f"experiments.{name}.layer: {LABELS}")
        if "family" not in model and (family := family_of(str(model.get("name")))) is not None:
            lines.append(f"experiments.{name}.model.family: {family}")
    return lines


def family_of(model_name: str) -> str | None:
    """The family of a model by its name; None if no experiment can have such a model."""
    kinds = (kind for of_task in _MODELS.values() for kind in of_task)
    return next((_only(kind, "family") for kind in kinds if _only(kind, "name") == model_name), None)


def usual_input(task: str) -> str | None:
    """The input of a task's models before experiments could choose it; None if no experiment can have the task."""
    kind = _experiment_of_task(task)
    return None if kind is None else _only(kind, "input")


def task_of(model_name: str) -> str:
    """The task that a model is for, by its name.

    Raises:
        HumotionError: no experiment can have such a model.
    """
    for task, kinds in _MODELS.items():
        if model_name in [_only(kind, "name") for kind in kinds]:
            return task
    raise HumotionError(f"No task has a model {model_name!r}.")


def _only(section: type[Section], field: str) -> str:
    """The only value that a field may have; it identifies a section of a union."""
    return str(get_args(section.model_fields[field].annotation)[0])


def _experiment_of_task(task: Any) -> type[AnyExperiment] | None:
    return next((kind for kind in get_args(AnyExperiment) if _only(kind, "task") == task), None)


def _models_of(experiment: type[AnyExperiment]) -> tuple[type[ModelParams], ...]:
    """The sections ``model`` that an experiment may have."""
    model = experiment.model_fields["model"].annotation
    return get_args(model) or (model,)


_MODELS = {_only(experiment, "task"): _models_of(experiment) for experiment in get_args(AnyExperiment)}

"""What a task says of the export of its models: their graphs, example inputs, and how an answer is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from torch import Tensor

from humotion import choices
from humotion.errors import HumotionError
from humotion.export.graph import Graph
from humotion.prediction.models import EXPORTED
from humotion.training.description import FUSION, ModelDescription, read_description
from humotion.training.fusion import members_of
from humotion.training.model_folder import load_task
from humotion.training.task import Batch, Task

Run = Callable[[str, Mapping[str, Tensor]], dict[str, Tensor]]
"""Runs the exported graph of a name on named inputs."""


class Difference(NamedTuple):
    """The largest difference of an output, and the largest value of the Lightning model's."""

    largest: float
    value: float = 0.0

    def joined(self, other: Difference) -> Difference:
        """The larger of both numbers."""
        return Difference(max(self.largest, other.largest), max(self.value, other.value))

    @property
    def share(self) -> float:
        """What is compared with a tolerance."""
        return self.largest / max(1.0, self.value)


class Exporter(ABC):
    """A trained task that can be exported. Each task has a subclass in its ``exported.py``.

    Attributes:
        tolerance: by the name of an output, the largest accepted difference from the Lightning model, as a share of the
            output's largest value. If that is below 1, the difference itself counts.
    """

    tolerance: ClassVar[Mapping[str, float]]

    def __init__(self, task: Task, description: ModelDescription) -> None:
        self.task, self.description = task, description

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """The exporter of a model folder."""
        return cls(*load_task(folder))

    @abstractmethod
    def graphs(self) -> list[Graph]:
        """The parts of the model, each of which becomes a file."""

    @abstractmethod
    def answer(self) -> dict[str, Any]:
        """What the outputs mean: names of the classes or joints ..., as JSON."""

    @abstractmethod
    def seeded(self) -> Batch:
        """Random samples of two clips, always the same, in the shape that the input would give."""

    @abstractmethod
    def shortened(self, batch: Batch, num_frames: int) -> Batch:
        """The first frames of the clips of a batch."""

    @abstractmethod
    def examples(self, batch: Batch) -> dict[str, dict[str, Tensor]]:
        """The inputs of each graph, by its name, for the samples of a batch."""

    @abstractmethod
    def differences(self, run: Run, batch: Batch) -> dict[str, Difference]:
        """The largest difference of each output between the exported graphs and the Lightning model."""


def load_exporter(folder: Path) -> Exporter:
    """The exporter of a model folder.

    Raises:
        HumotionError: the folder is not a model folder, it is that of a fusion, or its task has no export.
    """
    description = read_description(folder)
    if (folder / EXPORTED).exists():
        raise HumotionError(f"{folder} is an exported model. Export the model folder from which it was made.")
    if description.architecture["family"] == FUSION:
        members = ", ".join(str(folder / "members" / name) for name in members_of(description))
        raise HumotionError(
            f"{folder} is a fusion, which has no graph of its own. Export its members ({members}), and add their "
            "log-probabilities with the weights of its model.json."
        )
    if not has_exporter(description.task):
        able = ", ".join(filter(has_exporter, choices.names("tasks")))
        raise HumotionError(f"Models of {description.task} cannot be exported; those of {able} can.")
    module = choices.load("tasks", description.task, "exported")
    return choices.only_class(module, Exporter).of_folder(folder)  # type: ignore[type-abstract]


def has_exporter(task: str) -> bool:
    """Whether models of a task can be exported: its folder has the code for it."""
    return find_spec(f"humotion.tasks.{task}.exported") is not None


def difference(ours: Tensor, theirs: Tensor) -> Difference:
    """The difference of two tensors; infinite if their shapes differ, or if one has a value that is not finite."""
    if ours.shape != theirs.shape or not (ours.isfinite().all() and theirs.isfinite().all()):
        return Difference(float("inf"))
    return Difference(float((ours.double() - theirs.double()).abs().max()), float(theirs.abs().max()))

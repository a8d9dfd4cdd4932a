"""Predict the action in any video file with an exported model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from torch import Tensor

from humotion.export.folder import ExportedFolder, open_exported
from humotion.tasks.action_recognition.predictor import ActionPredictor
from humotion.training.description import read_description
from humotion.training.task import Batch


class ExportedAction:
    """The graph of an exported folder with those members of the trained task that the predictor uses."""

    def __init__(self, folder: ExportedFolder) -> None:
        self._run = folder.run
        (graph,) = folder.about["graphs"].values()
        self._reads = [tensor["name"] for tensor in graph["inputs"]]
        neighbours = folder.about["preprocessing"].get("neighbours", {"num_neighbours": 1})
        self.model = SimpleNamespace(num_neighbours=neighbours["num_neighbours"])

    def predict_step(self, batch: Batch) -> dict[str, Tensor]:
        """Return the ``probabilities`` (B, classes) of a batch."""
        return self._run("model", {name: batch[name] for name in self._reads})


class ExportedActionPredictor(ActionPredictor):
    """See `ActionPredictor`."""

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """The predictor of an exported folder."""
        task: Any = ExportedAction(open_exported(folder))
        return cls(task, read_description(folder))

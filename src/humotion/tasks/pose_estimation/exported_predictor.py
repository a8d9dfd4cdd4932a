"""Predict the joints in every frame of any video file with an exported model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from humotion.export.folder import ExportedFolder, open_exported
from humotion.tasks.pose_estimation.predictor import PosePredictor
from humotion.training.description import read_description

Found = tuple[Tensor, Tensor]


class ExportedPose:
    """The graphs of an exported folder with those members of the trained task that the predictor uses."""

    model = None  # no weights or memory can be looked at

    def __init__(self, folder: ExportedFolder) -> None:
        self._run, self._graphs = folder.run, folder.about["graphs"]
        self._first, self._later = ("init", "step") if "init" in self._graphs else ("model", "model")

    def advance(self, frames: Tensor, state: dict[str, Tensor] | None = None) -> tuple[Found, dict[str, Tensor]]:
        """Return what `decode` returns for uint8 frames (B, T, 3, S, S), and the state after them; None to start."""
        found = []
        for frame in frames.unbind(1):
            name = self._first if state is None else self._later
            into = self._graphs[name]["state"]
            state = self._run(name, {"frame": frame, **{key: (state or {})[part] for key, part in into.items()}})
            found.append((state["joints"], state["scores"]))
        assert state is not None
        joints, scores = (torch.stack(parts, dim=1) for parts in zip(*found, strict=True))
        return (joints, scores), state

    def decode(self, found: Found) -> Found:
        """Return joints (B, T, J, 2) in pixels of the crop and scores (B, T, J): the graphs have decoded them."""
        return found


class ExportedPosePredictor(PosePredictor):
    """See `PosePredictor`."""

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """The predictor of an exported folder."""
        task: Any = ExportedPose(open_exported(folder))
        return cls(task, read_description(folder))

"""Predictors: a model folder, ready for any video file, with the preprocessing of its training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from humotion import choices
from humotion.errors import HumotionError
from humotion.training.description import ModelDescription
from humotion.training.model_folder import load_task
from humotion.training.predict import refuse_not_finite
from humotion.training.task import Task
from humotion.video.decode import decode_video
from humotion.video.images import decode_frames_folder

Frames = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class DecodedVideo:
    """All frames of a video file (N, H, W, 3), with the same interface as a stored video."""

    frames: Frames
    fps: float

    @property
    def num_frames(self) -> int:
        return len(self.frames)

    @property
    def height(self) -> int:
        return int(self.frames.shape[1])

    @property
    def width(self) -> int:
        return int(self.frames.shape[2])

    def decode(self, indices: npt.NDArray[np.integer[Any]]) -> Frames:
        """Frames at ``indices``."""
        return self.frames[np.asarray(indices)]


def read_video(path: Path) -> DecodedVideo:
    """Decode a video file, or a folder of frames as images.

    Raises:
        HumotionError: no frame can be read.
    """
    decoded = decode_frames_folder(path) if path.is_dir() else decode_video(path)
    frames = decoded.read_all()
    if not len(frames):
        raise HumotionError(f"{path} cannot be read: it is {decoded.status} ({decoded.error}).")
    return DecodedVideo(frames, decoded.fps or 30.0)


class Answer(NamedTuple):
    """The answer of a model for a video: one line of text, and the frames (N, H, W, 3) with the prediction drawn."""

    text: str
    frames: Frames


class Predictor(ABC):
    """A trained task that predicts one video at a time. Each task has a subclass in its ``predictor.py``."""

    def __init__(self, task: Task, description: ModelDescription) -> None:
        self.task, self.description = task, description
        self.size: int = description.preprocessing["size"]

    def checked(self, **outputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the model for a video.

        Raises:
            DivergedError: one of them is NaN or infinite: it is no answer.
        """
        refuse_not_finite(outputs, f"this video ({self.description.experiment} on {self.description.dataset})")
        return tuple(outputs.values())

    @abstractmethod
    def row(self, path: str) -> dict[str, Any]:
        """The answer for one video as plain values: a row of the served model's output (`Task.output_columns`)."""

    @abstractmethod
    def answer(self, video: DecodedVideo, frames: Frames) -> Answer:
        """The answer for users; other models may already have drawn into ``frames``, the frames of the video."""


def load_predictor(folder: Path | str) -> Predictor:
    """The predictor of a model folder, on the CPU. Logged models name this function, so do not move or rename it."""
    task, description = load_task(Path(folder))
    module = choices.load("tasks", description.task, "predictor")
    return choices.only_class(module, Predictor)(task, description)  # type: ignore[type-abstract]

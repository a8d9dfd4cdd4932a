"""Predictors: a model folder, ready for any video file, with the preprocessing of its training."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from torch import Tensor

from humotion import choices
from humotion.errors import HumotionError
from humotion.prediction.caution import caution_of
from humotion.prediction.layer import annotated
from humotion.prediction.live.now import Watcher
from humotion.prediction.models import EXPORTED
from humotion.prediction.rows import plain
from humotion.prediction.video_file import DecodedVideo, Frames, Video, VideoFile, read_video
from humotion.training.description import FUSION, ModelDescription, read_description
from humotion.training.model_folder import load_task
from humotion.training.predict import refuse_not_finite
from humotion.training.task import Task

__all__ = [
    "Answer",
    "DecodedVideo",
    "Frames",
    "Predictor",
    "Verdict",
    "Video",
    "VideoFile",
    "load_predictor",
    "read_video",
]

_logger = logging.getLogger(__name__)


class Answer(NamedTuple):
    """The answer of a model for a video.

    Attributes:
        text: one line for users.
        values: the same for programs, a JSON value per column of `Task.output_columns` other than ``video``. Lists
            with a row per frame are `humotion.prediction.rows.Rows`.
        draw: returns a frame (H, W, 3) with the prediction drawn, from the number of the frame and the frame, into
            which other models may have drawn already. None if there is nothing to draw.
    """

    text: str
    values: Mapping[str, Any]
    draw: Callable[[int, Frames], Frames] | None = None


class Verdict(NamedTuple):
    """What a model says of a window of frames.

    Attributes:
        label: the action; None if the model does not say one.
        why: why it says none: "nobody is there", "not sure"; empty if it says an action.
        guess: the most likely action, also if it is not sure; None if it did not look.
        confidence: its calibrated probability.
        probabilities: those of all actions, calibrated; None if it did not look.
    """

    label: str | None
    why: str = ""
    guess: str | None = None
    confidence: float | None = None
    probabilities: Mapping[str, float] | None = None


class Predictor(ABC):
    """A trained task that predicts one video at a time. Each task has a subclass in its ``predictor.py``.

    Attributes:
        says_when: whether the model says what happens in a window of frames (`verdict`).
        follows: whether the model follows a person from frame to frame, and must know where a shot starts.
        weights: folder of the weights of the tools that it needs; None for where they usually are.
    """

    says_when: ClassVar[bool] = False
    follows: ClassVar[bool] = False
    weights: Path | None = None

    def __init__(self, task: Task, description: ModelDescription) -> None:
        self.task, self.description = task, description
        self.size: int = description.preprocessing["size"]

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """The predictor of a model folder."""
        return cls(*load_task(folder))

    @property
    def caution(self) -> str:
        """What a user must be told first, for example of a model of rendered clips; empty if there is nothing."""
        return caution_of(self.description.data_md5)

    @property
    def parts(self) -> tuple[Predictor, ...]:
        """The models that look at frames, each with its own preprocessing: several if they answer together."""
        return (self,)

    def checked(self, **outputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the model for a video.

        Raises:
            DivergedError: one of them is NaN or infinite: it is no answer.
        """
        refuse_not_finite(outputs, f"this video ({self.description.experiment} on {self.description.dataset})")
        return tuple(outputs.values())

    def seen(self, video: Video) -> Video:
        """Return a video with what the layer of the model's training would say of it, if there was a layer.

        Raises:
            HumotionError: see `humotion.prediction.layer.annotated`.
        """
        return annotated(video, self.description.preprocessing.get("layer"), self.weights)

    @abstractmethod
    def answer(self, video: Video) -> Answer:
        """The answer for one video. It may read the video several times, but never keeps all frames."""

    def threshold(self, min_confidence: float | None = None) -> float | None:
        """Return the confidence from which on `verdict` says an action; None if it never does.

        ``min_confidence`` takes the place of the threshold of the model folder.
        """
        raise NotImplementedError

    def check_live(self, min_confidence: float | None) -> str | None:
        """Return what a user must know before `verdict` is asked, if there is something.

        Raises:
            HumotionError: models of this task do not say what happens now.
        """
        raise HumotionError(
            f"{self.description.experiment} is a model of {self.description.task}, which has no --live: name another "
            "--model."
        )

    def verdict(self, windows: Sequence[Video], min_confidence: float | None = None) -> Verdict:
        """Say what happens in a window of frames, or none. See `check_live`.

        Args:
            windows: the window as each of the `parts` sees it.
            min_confidence: in place of the threshold of the model folder.
        """
        raise NotImplementedError

    def watcher(self) -> Watcher | None:
        """Return what says of each frame of a source where joints are, for --live; None if `verdict` is asked.

        Raises:
            HumotionError: the model cannot do that, or a tool that it needs is missing.
        """
        return None

    def row(self, path: str) -> dict[str, Any]:
        """The answer for one video as text: a row of the served model's output (`Task.output_columns`)."""
        video = read_video(Path(path))
        if video.error is not None:
            _logger.warning(
                "%s is %s: %s. The prediction is for %d frames.", path, video.status, video.error, video.num_frames
            )
        values = self.answer(video).values
        return {
            "video": path,
            **{name: value if isinstance(value, str) else json.dumps(plain(value)) for name, value in values.items()},
        }


def load_predictor(folder: Path | str, weights: Path | None = None) -> Predictor:
    """The predictor of a model folder or of an exported one, on the CPU.

    Logged models name this function, so do not move or rename it.

    ``weights`` is the folder of the tools' weights, if they are not where they were in the training or usually are.
    """
    description = read_description(Path(folder))
    part = "fusion.predictor" if description.architecture["family"] == FUSION else "predictor"
    if (Path(folder) / EXPORTED).exists():
        part = "exported_predictor"
    module = choices.load("tasks", description.task, part)
    predictor = choices.only_class(module, Predictor).of_folder(Path(folder))  # type: ignore[type-abstract]
    for model in predictor.parts:
        model.weights = weights
    return predictor

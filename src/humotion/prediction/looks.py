"""What a network looks at in a video, as pictures and a film, for models that can show it.

A task answers for itself, in its ``looking.py``; a task without one has nothing to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from humotion import choices
from humotion.prediction.predictor import Answer, Predictor, VideoFile


class Look(NamedTuple):
    """A view into a network.

    Attributes:
        title: what is shown, in a few words.
        text: how to read it.
        film: a video for browsers (H.264), as fast as the original.
        pictures: figures.
    """

    title: str
    text: str
    film: Path
    pictures: Sequence[Path]


def look_of(predictor: Predictor, video: VideoFile, answer: Answer, folder: Path) -> Look | None:
    """Return what a model looks at in a video, in files of a folder; None if the model has nothing to show.

    Args:
        predictor: the model.
        video: the video.
        answer: what the model said of it.
        folder: an existing folder.
    """
    task = predictor.description.task
    if find_spec(f"humotion.tasks.{task}.looking") is None:
        return None
    found: Look | None = choices.load("tasks", task, "looking").look_of(predictor, video, answer, folder)
    return found

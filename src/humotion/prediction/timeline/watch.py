"""Ask models about every window of a video file, in one reading for all of them.

The windows are those of `humotion predict --live`, but no frame is dropped: as long and as fast as the training clips,
with what the training's tool finds. Memory does not grow with the length of the video.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from humotion.prediction.live.source import Frame
from humotion.prediction.live.watching import Eyes, WatchingModel
from humotion.prediction.live.window import timings_of
from humotion.prediction.predictor import Predictor
from humotion.prediction.timeline.segments import Timeline, moments
from humotion.prediction.video_file import Video
from humotion.store.layers import Arrays
from humotion.store.people import found_frames, main_person
from humotion.training.description import ModelDescription

LONG = 2.0
"""A video is long if it has at least so many windows."""


class WindowSettings(NamedTuple):
    """Settings of windows.

    Attributes:
        every: seconds between the starts of two windows, and of a moment of a timeline.
        span: seconds of a window; None for the length of the training clips.
        min_confidence: in place of the models' thresholds.
        weights: folder of the tools' weights.
    """

    every: float = 0.5
    span: float | None = None
    min_confidence: float | None = None
    weights: Path | None = None


def is_long(predictor: Predictor, seconds: float, span: float | None = None) -> bool:
    """Whether one answer would say little of a video of that length: it is longer than `LONG` windows of the model.

    Never for a model that does not say when, or whose folder of an earlier version does not say how long its training
    clips were.
    """
    descriptions = [part.description for part in predictor.parts]
    if not predictor.says_when or (span is None and not all(one.footage for one in descriptions)):
        return False
    return seconds >= LONG * max(timing.seconds for timing in timings_of(descriptions, span))


def timelines_of(
    video: Video, times: Sequence[float], predictors: Sequence[Predictor], settings: WindowSettings
) -> list[Timeline]:
    """Return the timeline of each model.

    Args:
        video: is read once.
        times: when each frame is shown, in seconds.
        predictors: models of which `is_long` holds.
        settings: of the windows.

    Raises:
        HumotionError: what the tool of a model needs is missing.
    """
    eyes = Recorded(video.annotation) if video.annotation else Eyes(settings.weights)
    asked = [
        _Asked(WatchingModel(predictor, eyes, settings.span, settings.min_confidence), settings.every)
        for predictor in predictors
    ]
    last = len(times) - 1
    numbered = zip(times, video, strict=True)
    with tqdm(numbered, total=len(times), desc="timeline", unit="frame", leave=False) as progress:
        for number, (time, pixels) in enumerate(progress):
            eyes.look(Frame(pixels, time, time))
            for one in asked:
                one.see(Frame(pixels, time, time), is_last=number == last)
    return [one.timeline(times[0], times[-1]) for one in asked]


class Recorded(Eyes):
    """People of a recording of landmarks, which is known already: no tool looks at its drawn frames.

    Args:
        annotation: arrays (P, T, ...) of P people, as a layer has them.
    """

    def __init__(self, annotation: Mapping[str, npt.NDArray[Any]]) -> None:
        super().__init__()
        self._found_in = found_frames(annotation)
        self._person = main_person(self._found_in)
        self._annotation = annotation
        self._number = -1

    def look(self, frame: Frame) -> None:
        """See `Eyes`."""
        super().look(frame)
        self._number += 1

    def found(self, key: tuple[str, int | None]) -> Arrays | None:
        """See `Eyes`."""
        person, here = self._person, slice(self._number, self._number + 1)
        if not self._found_in[person, self._number]:
            return None
        return {name: values[person : person + 1, here] for name, values in self._annotation.items()}

    def tool_for(self, description: ModelDescription) -> tuple[tuple[str, int | None], Callable[[int], Arrays]]:
        """See `Eyes`."""
        return ("recorded", None), self._nobody

    def _nobody(self, num_frames: int) -> Arrays:
        empty: dict[str, npt.NDArray[Any]] = {
            name: np.full((1, num_frames, *values.shape[2:]), np.nan, np.float32)
            for name, values in self._annotation.items()
        }
        return {**empty, "found": np.zeros((1, num_frames), bool)}


class _Asked:
    """A model, and what it said of the windows so far."""

    def __init__(self, model: WatchingModel, every: float) -> None:
        self._model, self._every = model, every
        self._classes = list(model.predictor.description.meta["classes"])
        self._ends: list[float] = []
        self._found: list[npt.NDArray[np.float64]] = []
        self._num_frames = 0

    def see(self, frame: Frame, is_last: bool) -> None:
        """Add a frame, and ask if the next window is complete, or if it is the last frame."""
        self._num_frames += 1
        self._model.see(frame)
        is_due = not self._ends or frame.time >= self._ends[-1] + self._every - 1e-6
        if not (is_due or is_last):
            return
        windows = self._model.windows()
        if not isinstance(windows, str):
            self._ends.append(frame.time)
            said = self._model.predictor.verdict(windows, self._model.min_confidence).probabilities
            self._found.append(np.array([np.nan if said is None else said[name] for name in self._classes]))

    def timeline(self, start: float, end: float) -> Timeline:
        """The timeline of a video that was shown from ``start`` to ``end``.

        It has no more moments than the video has frames: a file may claim that a frame is shown for days.
        """
        num_moments = max(1, min(round((end - start) / self._every), self._num_frames))
        edges = np.linspace(start, end, num_moments + 1)
        return Timeline(
            edges=edges,
            probabilities=moments(self._ends, self._found, self._model.seconds, edges)
            if self._found
            else np.full((num_moments, len(self._classes)), np.nan),
            classes=self._classes,
            threshold=self._model.predictor.threshold(self._model.min_confidence),
            window=self._model.seconds,
        )

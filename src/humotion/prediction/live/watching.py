"""Models that watch a source: what each is shown of a frame, by the tool of its training, and what it then says."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from humotion import choices
from humotion.annotation.shared.contract import Follower, load_tool
from humotion.clips.input import load_input
from humotion.errors import HumotionError
from humotion.extraction.pack import stored_size
from humotion.params.layer import LayerParams
from humotion.params.layers import layer_section
from humotion.prediction.layer import checked_settings
from humotion.prediction.live.now import Glance, Now, Watcher
from humotion.prediction.live.source import Frame
from humotion.prediction.live.window import Timing, Window, timings_of
from humotion.prediction.predictor import Predictor, Verdict
from humotion.prediction.shots import CUT, colour_change, histograms
from humotion.prediction.video_file import Frames, Video
from humotion.store.layers import Arrays
from humotion.training.description import ModelDescription

_Look = Callable[[Frame], tuple[Frames, Arrays | None]]


class Eyes:
    """Shrinks frames, and follows people in them by tools: each once per frame, whatever number of models ask.

    Args:
        weights: folder of the tools' weights; None for where they were in the training, or usually are.
    """

    def __init__(self, weights: Path | None = None) -> None:
        self._weights = weights
        self._followers: dict[tuple[str, int | None], tuple[Follower, Callable[[int], Arrays]]] = {}
        self._last: float | None = None
        self._sees_cuts = False  # only models of joints ask for them
        self._colours: npt.NDArray[np.float32] | None = None
        self._is_cut = True
        self._shrunk: dict[int | None, Frames] = {}
        self._found: dict[tuple[str, int | None], Arrays | None] = {}

    def look(self, frame: Frame) -> None:
        """Look at the next frame."""
        step = 0.0 if self._last is None else frame.time - self._last
        self._last = frame.time
        if self._sees_cuts:
            colours = histograms(frame.pixels)
            self._is_cut = self._colours is None or colour_change(self._colours, colours) > CUT
            self._colours = colours
        self._shrunk = {None: frame.pixels}
        self._found = {
            key: follow(self.shrunk(key[1]), step if step > 0 else math.inf)
            for key, (follow, _) in self._followers.items()
        }

    def shrunk(self, short_side: int | None) -> Frames:
        """The frame as it would be stored: shrunk to a short side, never enlarged."""
        if short_side not in self._shrunk:
            pixels = self._shrunk[None]
            size = stored_size(pixels.shape[1], pixels.shape[0], short_side or 0)
            is_small = size == (pixels.shape[1], pixels.shape[0])
            self._shrunk[short_side] = (
                pixels if is_small else np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
            )
        return self._shrunk[short_side]

    def found(self, key: tuple[str, int | None]) -> Arrays | None:
        """What a tool found in the frame; None if nobody."""
        return self._found[key]

    def tool_for(self, description: ModelDescription) -> tuple[tuple[str, int | None], Callable[[int], Arrays]] | None:
        """Load the tool that finds what a model needs to know, if it can follow people from frame to frame.

        Returns:
            The key for `found`, and the tool's arrays of a video without people. None if the model needs no tool, or
            one that looks at whole windows (`humotion.prediction.layer`).

        Raises:
            HumotionError: the model needs labels, or a file or a package is missing.
        """
        layer = description.preprocessing.get("layer")
        # The layer of a training was made from stored frames; recordings of landmarks were made from whole ones.
        if layer is not None:
            settings, short_side = checked_settings(layer, self._weights), description.footage.get("short_side")
        elif _reads_joints(description):
            settings, short_side = self._of_joint_set(description), None
        else:
            return None
        return self._followed(settings, short_side)

    def _followed(
        self, settings: LayerParams, short_side: int | None
    ) -> tuple[tuple[str, int | None], Callable[[int], Arrays]] | None:
        tool: Any = load_tool(settings.tool)
        if not hasattr(tool, "follow"):
            return None
        key = (json.dumps([settings.tool, settings.settings()], sort_keys=True), short_side)
        if key not in self._followers:
            self._followers[key] = (tool.follow(settings), tool.nobody)
        return key, tool.nobody

    def glances(self, settings: LayerParams | None) -> Callable[[], Glance]:
        """Return what gives the frame at which `look` has just looked, with what a tool found in it.

        Raises:
            HumotionError: the tool cannot follow people from frame to frame, or a file or a package is missing.
        """
        self._sees_cuts = True
        if settings is None:
            return lambda: Glance(self.shrunk(None), None, self._is_cut)
        followed = self._followed(settings, None)
        if followed is None:
            raise HumotionError(f"{settings.tool} looks at complete videos, so it finds nobody in live frames.")
        key, _ = followed
        return lambda: Glance(self.shrunk(None), self.found(key), self._is_cut)

    def _of_joint_set(self, description: ModelDescription) -> LayerParams:
        """The tool whose joints a dataset of landmarks has, with its usual settings."""
        name = (description.meta.get("skeleton") or {}).get("name", "")
        if name not in choices.names("annotation"):
            raise HumotionError(
                f"{description.experiment} reads labelled joints ({name or 'of no known set'}), which live frames do "
                "not have. Train a model with a layer of landmarks (`layers:` in params.yaml), or with recordings of "
                "them (`humotion record-landmarks`)."
            )
        return layer_section(name, {} if self._weights is None else {"weights": self._weights})


def _reads_joints(description: ModelDescription) -> bool:
    """Whether the model is shown joints: see `humotion.clips.input.Input.make`."""
    settings = {**description.preprocessing, "skeleton": description.meta.get("skeleton")}
    return hasattr(load_input(settings["input"]).for_prediction(settings), "skeleton")


class WatchingModel:
    """A model with its window of a source, as each of its parts sees it.

    Args:
        predictor: the model.
        eyes: what looks at frames for it.
        span: length of the window in seconds; None for that of the training clips.
        min_confidence: in place of the model's threshold.

    Raises:
        HumotionError: the model cannot say what happens now.
    """

    def __init__(
        self, predictor: Predictor, eyes: Eyes, span: float | None = None, min_confidence: float | None = None
    ) -> None:
        self.predictor, self.min_confidence = predictor, min_confidence
        self.name = predictor.description.experiment
        self.remark = predictor.check_live(min_confidence)
        descriptions = [part.description for part in predictor.parts]
        timings = timings_of(descriptions, span)
        self.seconds = max(timing.seconds for timing in timings)
        self._parts = [_Part(*pair, eyes) for pair in zip(descriptions, timings, strict=True)]

    def see(self, frame: Frame) -> None:
        """Add the frame at which `Eyes.look` has just looked."""
        for part in self._parts:
            part.see(frame)

    def windows(self) -> list[Video] | str:
        """The window as it is now, as each part sees it, or why there is none."""
        windows: list[Video] = []
        for part in self._parts:
            window = part.window.video()
            if isinstance(window, str):
                return window
            windows.append(window)
        return windows

    def question(self) -> Callable[[], Verdict]:
        """Return what asks the model about the window as it is now, for another thread."""
        windows = self.windows()
        if isinstance(windows, str):
            why = windows
            return lambda: Verdict(None, why)
        return lambda: self.predictor.verdict(windows, self.min_confidence)


class WatchingJoints:
    """A model that says of each frame where joints are.

    Args:
        predictor: the model.
        watcher: what it gives for frames that come one by one.
        eyes: what looks at frames for it.
    """

    def __init__(self, predictor: Predictor, watcher: Watcher, eyes: Eyes) -> None:
        self.predictor, self.name = predictor, predictor.description.experiment
        self._see, self._glance, self.remark = watcher.see, eyes.glances(watcher.tool), watcher.remark

    def see(self) -> Now:
        """Return what the model says of the frame at which `Eyes.look` has just looked."""
        return self._see(self._glance())


class _Part:
    """The window of a source, as one model sees it: at the rate and size of its training, with what its tool finds."""

    def __init__(self, description: ModelDescription, timing: Timing, eyes: Eyes) -> None:
        self._eyes = eyes
        self._short_side: int | None = description.footage.get("short_side")
        tool = eyes.tool_for(description)
        self._key = None if tool is None else tool[0]
        shown = min(timing.num_frames, description.preprocessing["num_frames"])
        self.window = Window(timing, max(1, math.ceil(shown / 2)), None if tool is None else tool[1])

    def see(self, frame: Frame) -> None:
        found = None if self._key is None else self._eyes.found(self._key)
        self.window.add(frame.time, self._eyes.shrunk(self._short_side), found)

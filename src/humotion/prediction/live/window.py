"""The last seconds of a source as a video, at the rate and of the length of the training clips.

A model knows motion as so many pixels, or body lengths, from one frame of its training to the next. Live frames come
at another rate, and some are dropped. So a window is read at the times of a training clip's frames: pictures are those
nearest to these times, and what a tool found is read between frames on a straight line, as in gaps of training clips::

    frames that were looked at    |    |  |        |    |   |     |
    times of a training clip      |   |   |   |   |   |   |   |   |
                                  '------- num_frames / fps ------'  now
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.clips.tracks import Track, at_times
from humotion.errors import HumotionError
from humotion.prediction.video_file import USUAL_FPS, Frames, Video
from humotion.store.layers import Arrays
from humotion.training.description import ModelDescription


class Timing(NamedTuple):
    """A window: ``num_frames`` frames at ``fps`` frames per second."""

    num_frames: int
    fps: float

    @property
    def seconds(self) -> float:
        """From the first to the last frame."""
        return (self.num_frames - 1) / self.fps

    def lasting(self, seconds: float) -> Timing:
        """A window of that length, to the nearest frame, at the same rate."""
        return Timing(round(seconds * self.fps) + 1, self.fps)


def timing_of(description: ModelDescription, seconds: float | None = None) -> Timing:
    """Return the window of a model: the median training clip.

    A model that reads all frames of a window (``sampling: windows``) always gets as many as in training. One whose
    frames are spread over a clip gets them spread over the window.

    Args:
        description: of the model.
        seconds: another length of the window. The frames of a model that reads all of them are then further apart.

    Raises:
        HumotionError: an older model folder does not say how long its clips were.
    """
    settings, footage = description.preprocessing, description.footage
    fps: float = footage.get("fps") or USUAL_FPS
    reads_all = settings.get("sampling") == "windows"
    num_frames: int = footage.get("num_frames") or (settings["num_frames"] if reads_all else 0)
    if seconds is not None and reads_all and num_frames > 1:
        fps = (num_frames - 1) / seconds
    elif seconds is not None:
        num_frames = round(seconds * fps) + 1
    if num_frames == 0:
        raise HumotionError(
            f"{description.experiment} was trained by an earlier version, which did not keep how long its clips were. "
            "Say it with --span SECONDS, or train it again."
        )
    return Timing(num_frames, fps)


def timings_of(descriptions: Sequence[ModelDescription], seconds: float | None = None) -> list[Timing]:
    """Return the window of each of several models that answer together: all are as long as the longest.

    Each keeps its own rate. One whose training clips were shorter sees a longer window, as it would see a video of
    that length: frames spread over it, or the mean over the windows in it.

    Args:
        descriptions: of the models.
        seconds: another length of all windows; see `timing_of`.

    Raises:
        HumotionError: see `timing_of`.
    """
    timings = [timing_of(description, seconds) for description in descriptions]
    longest = max(timing.seconds for timing in timings)
    return [timing if seconds is not None else timing.lasting(longest) for timing in timings]


class _Seen(NamedTuple):
    """A frame that was looked at: its time in seconds, its pixels, and what the tool found of one person."""

    time: float
    pixels: Frames
    arrays: Arrays | None


class Window:
    """The frames of the last seconds, as many as two per step of the training and no more.

    Args:
        timing: length and rate.
        least: number of frames in a window below which motion cannot be seen.
        nobody: the arrays of a video of some frames in which the tool found nobody; None without a tool.
    """

    def __init__(self, timing: Timing, least: int, nobody: Callable[[int], Arrays] | None = None) -> None:
        self.timing, self._least, self._nobody = timing, least, nobody
        self._seen: deque[_Seen] = deque()

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, time: float, pixels: Frames, arrays: Arrays | None = None) -> None:
        """Add a frame (H, W, 3). If time runs backwards, or the size changes, the window starts again."""
        if self._seen and (time <= self._seen[-1].time or pixels.shape != self._seen[-1].pixels.shape):
            self._seen.clear()
        if len(self._seen) > 1 and time - self._seen[-2].time < 0.5 / self.timing.fps:
            self._seen.pop()
        self._seen.append(_Seen(time, pixels, arrays))
        while len(self._seen) > 1 and self._seen[1].time <= time - self.timing.seconds:
            self._seen.popleft()

    def video(self) -> WindowVideo | str:
        """The window as a video, or why there is none yet."""
        tolerance = 0.5 / self.timing.fps
        if not self._seen or self._seen[-1].time - self._seen[0].time < self.timing.seconds - tolerance:
            return "the window is not full yet"
        if len(self._seen) < self._least:
            return "too few frames"
        times = self._seen[-1].time + (np.arange(self.timing.num_frames) - self.timing.num_frames + 1) / self.timing.fps
        at = np.interp(times, [one.time for one in self._seen], np.arange(len(self._seen)))  # fractions of frames
        pixels = [one.pixels for one in self._seen]
        return WindowVideo([pixels[index] for index in np.rint(at).astype(int)], self.timing.fps, self._annotation(at))

    def _annotation(self, at: npt.NDArray[np.float64]) -> Arrays:
        """What the tool found, at fractions of frames."""
        if self._nobody is None:
            return {}
        known = np.array([one.arrays is not None for one in self._seen])
        if not known.any():
            return self._nobody(len(at))
        like = next(one.arrays for one in self._seen if one.arrays is not None)
        arrays: dict[str, Any] = {}
        for name in like.keys() - {"found"}:
            shape = like[name].shape[2:]  # (P, T, ...) with one person in one frame
            empty = np.zeros((1, 1, *shape), np.float32)
            values = np.concatenate([empty if one.arrays is None else one.arrays[name] for one in self._seen], axis=1)
            track = Track(values.reshape(len(known), 1, -1), np.zeros((len(known), 1), np.float32), known[:, None])
            read = at_times(track, at)
            points = np.where(read.known[..., None], read.points, np.nan).astype(np.float32)
            arrays[name], arrays["found"] = points.reshape(1, len(at), *shape), read.known.T
        return arrays


class WindowVideo(Video):
    """A window as a video: frames (H, W, 3) and what a tool found in them."""

    def __init__(self, frames: list[Frames], fps: float, annotation: Mapping[str, npt.NDArray[Any]]) -> None:
        self._frames, self.fps, self.annotation = frames, fps, annotation
        self.num_frames = len(frames)
        self.height, self.width = frames[0].shape[:2]

    def __iter__(self) -> Iterator[Frames]:
        """See `Video`."""
        return iter(self._frames)

    def decode(self, indices: npt.NDArray[np.integer[Any]]) -> Frames:
        """See `Video`."""
        return np.stack([self._frames[index] for index in np.asarray(indices).tolist()])

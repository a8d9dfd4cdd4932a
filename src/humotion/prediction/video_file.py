"""The frames of a video for prediction, of which only those that a model reads are in memory.

A video is read from its start as often as it is needed: once to count its frames, and once per pass of a model or of
the drawing. A short one (`KEPT_BYTES`) is kept after its first reading, so it is decoded once. Of a longer one, the
frames that were read last are kept (`LAST_BYTES`), so a tool that asks for piece after piece, forwards or a little
backwards, does not read again for each of them. If it goes further back, torchcodec seeks; PyAV reads from the start.
"""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.datasets.landmarks import arrays_of, drawn_frames, is_recording
from humotion.errors import HumotionError
from humotion.prediction.ahead import ahead
from humotion.prediction.heap import tidied
from humotion.prediction.rereading import Rereading, state_of
from humotion.prediction.times import frame_times
from humotion.video.decode import Decoded, decode_video
from humotion.video.images import decode_frames_folder

Frames = npt.NDArray[np.uint8]

USUAL_FPS = 30.0
"""Frames per second of a source that does not state them."""
KEPT_BYTES = 2**25
"""So many bytes of pixels of a video are kept in memory: 32 MiB are 145 frames of 320x240."""
LAST_BYTES = 2**23
"""So many of those frames of a long video are kept that were read last: 8 MiB are 36 frames of 320x240."""
AHEAD_BYTES, AHEAD_FRAMES = 2**25, 16
"""So many are decoded at most while the last one is looked at."""


class Video(ABC):
    """Frames in order by iteration, and by index with the interface that inputs read (`humotion.clips.input.Footage`).

    ``annotation`` has landmarks of people, if they are known, as a layer has them; ``annotations`` what tools have
    found, each by a key of its tool and settings. ``fps`` is None if nobody knows it. ``status`` and ``error`` are what
    `humotion probe` says of the source.
    """

    num_frames: int
    height: int
    width: int
    fps: float | None
    status: str = "ok"
    error: str | None = None
    annotation: Mapping[str, npt.NDArray[Any]] = MappingProxyType({})
    boxes: npt.NDArray[np.float32] | None = None  # nobody has labelled people in it

    @cached_property
    def annotations(self) -> dict[str, Mapping[str, npt.NDArray[Any]]]:
        return {}

    @abstractmethod
    def __iter__(self) -> Iterator[Frames]:
        """Every frame (H, W, 3) from the first to the last. Each call reads again."""

    def decode(self, indices: npt.NDArray[np.integer[Any]]) -> Frames:
        """Frames (len(indices), H, W, 3) at ``indices``; only these are in memory."""
        wanted = np.asarray(indices)
        chosen = np.empty((len(wanted), self.height, self.width, 3), np.uint8)
        last = int(wanted.max(initial=-1))
        for number, frame in enumerate(self if last >= 0 else ()):
            chosen[wanted == number] = frame
            if number == last:
                break
        return chosen


class DecodedVideo(Video):
    """A video that is in memory: all frames (N, H, W, 3)."""

    def __init__(self, frames: Frames, fps: float | None) -> None:
        self.frames, self.fps = frames, fps
        self.num_frames, self.height, self.width = frames.shape[:3]

    def __iter__(self) -> Iterator[Frames]:
        """See `Video`."""
        return iter(self.frames)

    def decode(self, indices: npt.NDArray[np.integer[Any]]) -> Frames:
        """See `Video`."""
        return self.frames[np.asarray(indices)]


class Limits(NamedTuple):
    """How long and how large a video may be: a stranger's file may be small and hold days of black."""

    frames: int
    pixels: int

    def check(self, num_frames: int, shape: tuple[int, ...]) -> None:
        """Refuse a video of at least ``num_frames`` frames of (H, W) with a HumotionError if it exceeds the limits."""
        if shape[0] * shape[1] > self.pixels:
            raise HumotionError(f"The video has {shape[1]}x{shape[0]} pixels; the limit is {self.pixels} in all.")
        if num_frames > self.frames:
            raise HumotionError(f"The video has more than {self.frames} frames, which is the limit.")


class VideoFile(Video):
    """A video that is read from a video file, from a folder of frames as images, or from a recording of landmarks.

    Args:
        path: of it.
        limits: of its length and size.
        see: is called with each frame of the first reading.

    Raises:
        HumotionError: no frame can be read, or ``limits`` are exceeded.
    """

    def __init__(self, path: Path, limits: Limits | None = None, see: Callable[[Frames], None] | None = None) -> None:
        self.path = path
        self._kept: list[Frames] | None = []
        self._last = _LastFrames(weakref.proxy(self))  # no circle, see `_frames_from`
        state = state_of(path)
        decoded, num_bytes, shape = open_video(path), 0, (0, 0)
        for number, frame in enumerate(_first_reading(decoded), start=1):
            num_bytes, shape = num_bytes + frame.nbytes, frame.shape[:2]
            if limits is not None:
                limits.check(number, shape)
            if see is not None:
                see(frame)
            if self._kept is not None:
                self._kept.append(frame)
            if num_bytes > KEPT_BYTES:
                self._kept = None
        if not decoded.num_frames:
            raise HumotionError(f"{path} cannot be read: it is {decoded.status} ({decoded.error}).")
        self.num_frames, self.fps, (self.height, self.width) = decoded.num_frames, decoded.fps, shape
        self.status, self.error = decoded.status, decoded.said
        is_fast = self._kept is None and decoded.method == "torchcodec"
        self._again = Rereading(path, state) if is_fast else None
        if is_recording(path):
            self.annotation = arrays_of(path)

    def __iter__(self) -> Iterator[Frames]:
        """See `Video`; raises a HumotionError if the file has changed since it was opened."""
        return self.frames_from(0)[1] if self._kept is None else iter(self._kept)

    def decode(self, indices: npt.NDArray[np.integer[Any]]) -> Frames:
        """See `Video`."""
        if self._kept is not None:
            return super().decode(indices)
        chosen = np.empty((len(indices), self.height, self.width, 3), np.uint8)
        for number in np.unique(indices).tolist():
            chosen[np.asarray(indices) == number] = self._last.frame(number)
        return chosen

    @cached_property
    def timing(self) -> tuple[list[float], list[str]]:
        """The time of each frame in seconds, increasing, and a note if they had to be made up."""
        times = None if self.path.is_dir() else frame_times(self.path, self.num_frames)
        if times is not None:
            return times, []
        fps = self.fps or USUAL_FPS
        return [number / fps for number in range(self.num_frames)], [
            f"The times of its frames are not known: the copy plays at {fps:g} frames per second."
        ]

    @cached_property
    def shown_at(self) -> list[float]:
        """When each frame is shown, in seconds from the first."""
        times, _ = self.timing
        return [time - times[0] for time in times]

    def frames_from(self, wanted: int) -> tuple[int, Iterator[Frames]]:
        """A reading that starts at frame ``wanted``, or before it, if the reader cannot seek: where, and the frames.

        Iterating raises a HumotionError if the file has changed since it was opened.
        """
        start = 0 if self._again is None else max(0, wanted)
        opened = partial(open_video, self.path) if self._again is None else partial(self._again, start)
        return start, _frames_from(opened, self.path, range(start, self.num_frames), (self.height, self.width))


def _first_reading(decoded: Decoded) -> Iterator[Frames]:
    """Yield all frames, of which a thread decodes all but the first one, which says how many may wait.

    So FFmpeg speaks to its listener in that thread. An interrupt of the main thread would be lost if it came there.
    """
    frames = _closing(decoded)
    for first in islice(frames, 1):
        yield first
        yield from tidied(ahead(lambda: frames, _room(first.shape[:2])))


def _closing(decoded: Decoded) -> Iterator[Frames]:
    """Yield the frames. Who stops early closes the decoder, which would otherwise wait for Python's garbage collector.

    A `Decoded` and the generator of its frames know each other. A decoder in the middle of an hour holds 12 MB.
    """
    try:
        yield from decoded
    finally:
        decoded.start(iter(()))


def _room(shape: tuple[int, ...]) -> int:
    """How many frames of (H, W) may be decoded ahead."""
    return min(AHEAD_FRAMES, max(1, AHEAD_BYTES // (3 * shape[0] * shape[1])))


def _frames_from(opened: Callable[[], Decoded], path: Path, numbers: range, shape: tuple[int, int]) -> Iterator[Frames]:
    """Yield the frames of these numbers. It knows nothing of its video: no circle, so the frames go with the video."""
    number = numbers.start
    for number, frame in enumerate(tidied(ahead(lambda: _closing(opened()), _room(shape))), start=numbers.start + 1):
        if number > numbers.stop or frame.shape[:2] != shape:
            break
        yield frame
    else:
        if number == numbers.stop:
            return
    raise HumotionError(f"{path} has changed while it was read. Run the command again.")


class _LastFrames:
    """One reading of a long video, with the frames that were read last."""

    def __init__(self, video: VideoFile) -> None:
        self._video = video
        self._frames: Iterator[Frames] = iter(())
        self._kept: deque[Frames] = deque()
        self._next = 0  # number of the frame that is read next

    def frame(self, number: int) -> Frames:
        """One frame (H, W, 3): kept, or read on the way to it; what lies before the kept ones starts a new reading.

        Who goes back goes further back. So the new reading starts before the frame: half of the room is for those.
        """
        first = self._next - len(self._kept)
        if number < first or self._next == 0:
            room = max(1, LAST_BYTES // (3 * self._video.height * self._video.width))
            self._next, self._frames = self._video.frames_from(number - room // 2)
            self._kept = deque(maxlen=room)
        while self._next <= number:
            self._kept.append(next(self._frames))
            self._next += 1
        return self._kept[number - self._next]


def open_video(path: Path) -> Decoded:
    """Open a video file, a folder of frames, or a recording of landmarks, whose frames are drawn, for one reading."""
    if is_recording(path):
        return drawn_frames(path)
    return decode_frames_folder(path) if path.is_dir() else decode_video(path)


def read_video(path: Path, limits: Limits | None = None, see: Callable[[Frames], None] | None = None) -> VideoFile:
    """Open a video file, a folder of frames, or a recording of landmarks (``.txt``), for prediction.

    See `VideoFile` for the arguments.

    Raises:
        HumotionError: no frame can be read, or ``limits`` are exceeded.
    """
    return VideoFile(path, limits, see)

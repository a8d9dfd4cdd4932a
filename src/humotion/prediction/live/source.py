"""Where live frames come from, and the one place in which the newest of them waits.

A thread reads frames as they come and puts each into the place. If the one before it still waits there, nobody had the
time to look at it, and it is dropped. So what is looked at is always the newest frame, and no queue grows::

    camera, stream, file --> thread --> [ newest frame ] --> who looks
                                             |
                                             +--> dropped, if a newer one comes first
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import av
import av.error
import av.stream
import numpy as np
import numpy.typing as npt

from humotion.annotation.shared.camera import opened_camera
from humotion.errors import HumotionError
from humotion.video.container import FILE_ERRORS, DamagedVideo, error_text, open_container, video_stream
from humotion.video.orientation import quarter_turn, turn_filters

ADDRESSES = ("rtsp://", "rtsps://", "http://", "https://")
PATIENCE = 10.0
"""Seconds to wait for a stream to open, and for its next bytes."""
_USUAL_STEP = 1 / 30  # seconds between frames without times
_PROBED = 1.0  # seconds of a stream that are read before its first frame, to find out what is in it


class Frame(NamedTuple):
    """A frame of a source.

    Attributes:
        pixels: RGB (H, W, 3) uint8.
        time: when it is shown, in seconds of the source.
        captured: when it came, in seconds of `time.monotonic`.
    """

    pixels: npt.NDArray[np.uint8]
    time: float
    captured: float


class Newest:
    """The newest frame of a source.

    Attributes:
        num_frames: frames that came.
        num_dropped: those of them that nobody took.
        has_ended: whether no frame follows.
        closing: set when nobody wants more frames.
    """

    def __init__(self) -> None:
        self.num_frames = self.num_dropped = 0
        self.closing = threading.Event()
        self._frame: Frame | None = None
        self.has_ended = False
        self._error: Exception | None = None
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> None:
        """Replace the frame that waits, if one does."""
        with self._changed:
            self.num_frames += 1
            self.num_dropped += self._frame is not None
            self._frame = frame
            self._changed.notify()

    def end(self, error: Exception | None = None) -> None:
        """No frame follows; ``error`` says why, unless this is the regular end."""
        with self._changed:
            self.has_ended, self._error = True, error
            self._changed.notify()

    def take(self, timeout: float) -> Frame | None:
        """Return the newest frame that was not taken yet; None if none comes within ``timeout`` seconds.

        Raises:
            EOFError: the source has ended, and no frame waits.
            HumotionError: it cannot be read.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self.has_ended, timeout)
            frame, self._frame = self._frame, None
            if frame is None and self._error is not None:
                raise self._error
            if frame is None and self.has_ended:
                raise EOFError
            return frame


@contextmanager
def reading(source: str) -> Iterator[Newest]:
    """Read a source in a thread while the block runs.

    Args:
        source: the number of a camera, the address of a stream, or the path of a video file.

    Raises:
        HumotionError: it is none of these. If it cannot be opened, `Newest.take` raises.
    """
    frames = _frames_of(source)
    newest = Newest()
    thread = threading.Thread(target=_read, args=(frames, newest), daemon=True, name="humotion-source")
    thread.start()
    try:
        yield newest
    finally:
        newest.closing.set()
        thread.join(1.0)  # a stream that is silent now may take longer; the process does not wait for it


def _frames_of(source: str) -> Callable[[Newest], Iterator[Frame]]:
    if source.isdigit():
        return lambda newest: _of_camera(source)
    if source.lower().startswith(ADDRESSES):
        return lambda newest: _of_stream(source, newest)
    if Path(source).is_file():
        return lambda newest: _of_file(Path(source), newest)
    raise HumotionError(
        f"{source} is no source of live frames. Name the number of a camera (0 for the first), a video file, or the "
        f"address of a stream ({', '.join(ADDRESSES)}...)."
    )


def _read(frames: Callable[[Newest], Iterator[Frame]], newest: Newest) -> None:
    """The thread: every error goes to who takes the frames."""
    try:
        for frame in frames(newest):
            newest.put(frame)
            if newest.closing.is_set():
                break
    except Exception as error:
        newest.end(error)
    else:
        newest.end()


def _of_camera(number: str) -> Iterator[Frame]:
    with opened_camera(number) as camera:
        for pixels in camera.frames:
            now = time.monotonic()
            yield Frame(pixels, now, now)
        raise HumotionError(f"The camera {number} gives no more frames.")


def _of_file(path: Path, newest: Newest) -> Iterator[Frame]:
    try:
        with open_container(path) as container:
            yield from _played(container, newest, paced=True)
    except (*FILE_ERRORS, DamagedVideo) as error:
        raise HumotionError(f"{path} cannot be read: {error_text(error)}") from error


def _of_stream(address: str, newest: Newest) -> Iterator[Frame]:
    """A stream without a length is live: its frames come when they are due. One with a length is a file, and played."""
    options = {"analyzeduration": str(round(_PROBED * 1e6))}
    if address.lower().startswith("rtsp"):
        options["rtsp_transport"] = "tcp"
    try:
        with av.open(address, options=options, timeout=PATIENCE) as container:
            if not container.streams.video:
                raise HumotionError(f"{address} has no video.")
            yield from _played(container, newest, paced=container.duration is not None)
    except (*FILE_ERRORS, DamagedVideo) as error:
        raise HumotionError(f"{address} cannot be read: {error_text(error)}") from error


def _played(container: av.container.InputContainer, newest: Newest, paced: bool) -> Iterator[Frame]:
    """The frames of a container, upright; if ``paced``, none before it is due."""
    stream = video_stream(container)
    start: float | None = None
    first = shown = 0.0
    for frame in _decoded(container, stream):
        shown = shown + _USUAL_STEP if frame.time is None else frame.time
        if start is None:
            start, first = time.monotonic(), shown
        if paced and newest.closing.wait(max(0.0, start + shown - first - time.monotonic())):
            return
        yield Frame(_upright(frame), shown, time.monotonic())


def _decoded(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> Iterator[av.VideoFrame]:
    """All frames; a stream may start in the middle of a group, or lose packets, and what is damaged is left out."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _upright(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    """RGB pixels, turned as a phone says that they must be."""
    degrees = quarter_turn(turn_filters(frame)) or 0
    pixels = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, -(degrees // 90)), np.uint8)

"""Decode a video once, from its first frame to its last, whatever state the file is in.

torchcodec is the fast way. It places frames by presentation times, which AVI does not store and
MPEG streams store in part: with B-frames it then returns wrong frames (most of HMDB51 is such AVI).
So it reads the containers whose times can be trusted; everything else, and whatever it gives up on,
is read through PyAV. Both give the pixels of the ffmpeg command, phone rotation included.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import numpy.typing as npt

# Decoded at a time: little memory, and little enough that the allocator uses it again instead of asking
# the system for fresh pages, which would cost a quarter of the decoding time.
_BATCH_FRAMES, _BATCH_BYTES = 16, 2**20


_TIMED_CONTAINERS = frozenset({"mp4", "mov", "matroska", "webm"})
_logger = logging.getLogger(__name__)
FILE_ERRORS = (av.error.FFmpegError, OSError, ValueError)


class DamagedVideo(Exception):
    """A file that cannot be opened as video; ``status`` is what the tables record."""

    def __init__(self, text: str, status: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Picture:
    """One frame: RGB ``pixels`` (H, W, 3) uint8, and its file's bytes if it was a JPEG already."""

    pixels: npt.NDArray[np.uint8]
    jpeg: bytes | None = None


class Decoded:
    """The frames of one video, read once as an iterator; what became of it is known at the end.

    ``method`` names the reader ("torchcodec", "pyav", "torchcodec+pyav", "images"). ``status`` is
    "ok", "truncated" (``num_frames`` frames, then damage), "corrupt" (damaged, and no frame can be
    read), "empty" (nothing in it) or "missing"; ``error`` tells what went wrong. ``fps`` is None
    where the source has none.
    """

    def __init__(self, method: str) -> None:
        self.method = method
        self.fps: float | None = None
        self.error: str | None = None
        self.num_frames = 0
        self._damage = "empty"
        self._pictures: Iterator[Picture] = iter(())

    @property
    def status(self) -> str:
        """The state of the source as far as it was read."""
        if self.num_frames:
            return "truncated" if self.error else "ok"
        return self._damage

    def start(self, pictures: Iterator[Picture]) -> None:
        """Set the source of frames."""
        self._pictures = pictures

    def fail(self, error: str, status: str = "corrupt") -> None:
        """Record the first thing that went wrong; ``status`` counts if no frame was read."""
        if self.error is None:
            self.error, self._damage = error, status

    def pictures(self) -> Iterator[Picture]:
        """The frames, with the JPEG bytes of those that were JPEG files."""
        for picture in self._pictures:
            self.num_frames += 1
            yield picture

    def __iter__(self) -> Iterator[npt.NDArray[np.uint8]]:
        """The frames as RGB (H, W, 3) uint8."""
        return (picture.pixels for picture in self.pictures())

    def read_all(self) -> npt.NDArray[np.uint8]:
        """All frames at once, (N, H, W, 3) uint8; (0, 0, 0, 3) if there are none."""
        frames = list(self)
        return np.stack(frames) if frames else np.empty((0, 0, 0, 3), np.uint8)


def decode_video(path: Path) -> Decoded:
    """Open a video file for one sequential reading; never raises for a bad file (see `Decoded`).

    >>> video = decode_video(Path("clip.mp4"))  # doctest: +SKIP
    >>> frames = video.read_all()  # doctest: +SKIP
    >>> video.status, video.method  # doctest: +SKIP
    """
    decoded = Decoded("torchcodec")
    decoded.start(_read(Path(path), decoded))
    return decoded


def open_container(path: Path) -> av.container.InputContainer:
    """Open a file that holds a video; raises DamagedVideo, which carries the status to record."""
    if not path.is_file():
        raise DamagedVideo("the file does not exist", "missing")
    if path.stat().st_size == 0:
        raise DamagedVideo("the file has no bytes", "empty")
    try:
        container = av.open(str(path))
    except FILE_ERRORS as error:
        raise DamagedVideo(error_text(error), "corrupt") from error
    if not container.streams.video:
        container.close()
        raise DamagedVideo("there is no video stream in it", "corrupt")
    return container


def _read(path: Path, decoded: Decoded) -> Iterator[Picture]:
    try:
        with open_container(path) as container:
            stream = container.streams.video[0]
            decoded.fps = float(stream.average_rate) if stream.average_rate else None
            timed = _has_times(container)
    except DamagedVideo as error:
        decoded.fail(str(error), error.status)
        return
    if timed:
        yield from map(Picture, _torchcodec_frames(path, decoded))
    else:
        decoded.method = "pyav"
    if decoded.method != "torchcodec":
        yield from map(Picture, _pyav_frames(path, decoded))
    if _cut_short(path):
        decoded.fail("the file ends before its last frame")
    elif not decoded.num_frames:
        decoded.fail("there are no frames in it", "empty")


def _has_times(container: av.container.InputContainer) -> bool:
    names = set(container.format.name.split(","))
    if "avi" in names:
        return not container.streams.video[0].codec_context.has_b_frames
    return bool(names & _TIMED_CONTAINERS)


def _torchcodec_frames(path: Path, decoded: Decoded) -> Iterator[npt.NDArray[np.uint8]]:
    """Frames in order; where torchcodec gives up, ``decoded.method`` says that PyAV must go on."""
    decoders = _torchcodec()
    try:
        if decoders is None:
            raise RuntimeError("torchcodec does not load")
        decoder = decoders.VideoDecoder(str(path), dimension_order="NHWC", seek_mode="exact")
        facts = decoder.metadata
        step = max(1, min(_BATCH_FRAMES, _BATCH_BYTES // (3 * facts.width * facts.height)))
        for start in range(0, facts.num_frames, step):
            batch = decoder.get_frames_in_range(start, min(start + step, facts.num_frames))
            yield from batch.data.numpy()
    except (RuntimeError, ValueError, IndexError, TypeError):  # TypeError: a header without size or count
        decoded.method = "torchcodec+pyav" if decoded.num_frames else "pyav"


@cache
def _torchcodec() -> ModuleType | None:
    """torchcodec's decoders; None, with a warning, where the system has no FFmpeg for them."""
    try:
        return importlib.import_module("torchcodec.decoders")
    except (ImportError, OSError, RuntimeError) as error:
        _logger.warning("torchcodec does not load, so videos are read with PyAV, more slowly: %s", error)
        return None


def _pyav_frames(path: Path, decoded: Decoded) -> Iterator[npt.NDArray[np.uint8]]:
    """The frames not yet in ``decoded``, in order, up to the first that is damaged.

    A later frame would stand at the wrong index, and labels are aligned with frames by index.
    """
    skip, num_seen = decoded.num_frames, 0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        to_rgb: av.filter.Graph | None = None
        try:
            for frame in container.decode(stream):
                num_seen += 1
                if num_seen > skip:
                    to_rgb = to_rgb or _rgb_graph(stream)
                    to_rgb.push(frame)
                    pixels = to_rgb.pull().to_ndarray()
                    yield np.ascontiguousarray(np.rot90(pixels, frame.rotation // 90))
        except FILE_ERRORS as error:
            decoded.fail(f"after frame {num_seen}: {error_text(error)}")


def _rgb_graph(stream: av.video.stream.VideoStream) -> av.filter.Graph:
    """The ffmpeg command's own conversion; PyAV's reformatter differs from it at odd sizes."""
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_buffer(template=stream), graph.add("format", "rgb24"), graph.add("buffersink")
    ).configure()
    return graph


def _cut_short(path: Path) -> bool:
    """Whether an AVI file is shorter than its RIFF header says; its frame count is no guide."""
    with path.open("rb") as stream:
        head = stream.read(8)
    return head[:4] == b"RIFF" and path.stat().st_size + 1 < 8 + int.from_bytes(head[4:], "little")


def error_text(error: Exception) -> str:
    """What a decoder's exception says, without the path it repeats."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

"""Decode a video once, from its first frame to its last, whatever state the file is in.

torchcodec is the fast reader. It finds frames by their times, so it reads only files whose times can be
trusted (see `humotion.video.container`), and the time of each frame is compared with the expected time.
PyAV reads all other files, and continues if torchcodec fails. Both give the pixels of the ffmpeg
command, turned upright.

How the parts work together: `decode_video` returns a `Decoded` and reads nothing yet. Its frames come from a chain of
generators, which the caller's loop pulls::

    Decoded.pictures   counts each frame in num_frames
      _read            opens the file; at the end, reports a file that was cut short
        _frames        tries the readers in turn
          _torchcodec_frames, on the GPU or the CPU
          _pyav_frames

The generators write what they learn into the same `Decoded` while they are pulled: which reader is used (``read_by``),
and the first error (``fail``). A reader starts after the ``num_frames`` frames that have been handed out. So if one
reader fails in the middle, the next one continues there: no frame comes twice, and none is lost.
"""

from __future__ import annotations

import importlib
import logging
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import av
import numpy as np
import numpy.typing as npt

from humotion.video.container import (
    FILE_ERRORS,
    DamagedVideo,
    Outline,
    error_text,
    open_container,
    read_outline,
    video_stream,
)
from humotion.video.length import is_cut_short
from humotion.video.orientation import turn_filters

Device = Literal["cpu", "cuda"]
# The size of a batch of decoded frames. It is small, so that the allocator reuses its memory. For larger batches
# the allocator asks the system for new pages, which costs a quarter of the decoding time.
_BATCH_FRAMES, _BATCH_BYTES = 16, 2**20
_SAME_TIME = 1e-6  # seconds
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Picture:
    """One frame: RGB ``pixels`` (H, W, 3) uint8, and the bytes of its file if that is a JPEG."""

    pixels: npt.NDArray[np.uint8]
    jpeg: bytes | None = None


class Decoded:
    """The frames of one video, an iterator that is read once; its attributes are complete at the end.

    ``method`` names the reader: "torchcodec", "torchcodec-cuda", "pyav" or "images". Two names joined
    by a plus sign mean that the second reader took over midway. ``status`` is "ok", "truncated"
    (``num_frames`` frames, then damage), "corrupt" (damaged, and no frame can be read), "empty"
    (no frames in it) or "missing"; ``error`` describes the first error. ``fps`` is None if the source
    does not state it.
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
        """The state of the source, as far as it was read."""
        if self.num_frames:
            return "truncated" if self.error else "ok"
        return self._damage

    def start(self, pictures: Iterator[Picture]) -> None:
        """Set the source of frames."""
        self._pictures = pictures

    def read_by(self, reader: str) -> None:
        """Record which reader gives the next frames."""
        if not self.num_frames:
            self.method = reader
        elif self.method.split("+")[-1] != reader:
            self.method += f"+{reader}"

    def fail(self, error: str, status: str = "corrupt") -> None:
        """Record the first error; ``status`` counts only if no frame was read."""
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


def decode_video(path: Path, device: Device = "cpu") -> Decoded:
    """Open a video file for one sequential reading; never raises for a bad file (see `Decoded`).

    With ``device`` "cuda" the GPU decodes what it can, and the CPU decodes the rest: ``method`` shows
    which. A GPU converts colours in its own way, so its pixels may differ from the CPU's.

    >>> video = decode_video(Path("clip.mp4"))  # doctest: +SKIP
    >>> frames = video.read_all()  # doctest: +SKIP
    >>> video.status, video.method  # doctest: +SKIP
    """
    decoded = Decoded("pyav")
    decoded.start(_read(Path(path), decoded, device))
    return decoded


def _read(path: Path, decoded: Decoded, device: Device) -> Iterator[Picture]:
    """Yield all frames of a file, and record errors of the complete file."""
    try:
        outline = read_outline(path)
    except DamagedVideo as error:
        decoded.fail(str(error), error.status)
        return
    decoded.fps = outline.fps
    yield from map(Picture, _frames(path, outline, decoded, device))
    if is_cut_short(path):
        decoded.fail("the file ends before its last frame")
    elif not decoded.num_frames:
        decoded.fail("there are no frames in it", "empty")


def _frames(path: Path, outline: Outline, decoded: Decoded, device: Device) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the frames from the fastest reader that can be trusted; if one fails, the next continues."""
    trusted = outline.times is not None and outline.turn is not None
    # It is untested whether the GPU reader turns frames, so the CPU decodes videos that must be turned.
    on_gpu = device == "cuda" and outline.turn == 0 and has_cuda()
    devices: list[Device] = ["cuda", "cpu"] if on_gpu else ["cpu"]
    for place in devices if trusted and _torchcodec() else []:
        try:
            yield from _torchcodec_frames(path, outline, decoded, place)
            return
        except (RuntimeError, ValueError, IndexError, TypeError):  # TypeError: a header without a size
            continue
    yield from _pyav_frames(path, decoded)


def _torchcodec_frames(
    path: Path, outline: Outline, decoded: Decoded, device: Device
) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the frames not yet in ``decoded``; raises one of several errors at the first that it cannot read."""
    decoders: Any = _torchcodec()
    decoder = decoders.VideoDecoder(
        str(path), stream_index=outline.stream_index, dimension_order="NHWC", seek_mode="exact", device=device
    )
    facts = decoder.metadata
    if -round(facts.rotation or 0) % 360 != outline.turn:
        raise ValueError("torchcodec reports another rotation than PyAV")
    times = np.asarray(outline.times)
    step = max(1, min(_BATCH_FRAMES, _BATCH_BYTES // (3 * facts.width * facts.height)))
    for start in range(decoded.num_frames, len(times), step):
        expected = times[start : start + step]
        batch = decoder.get_frames_in_range(start, start + len(expected))
        is_right = np.abs(batch.pts_seconds.cpu().numpy() - expected) < _SAME_TIME
        decoded.read_by("torchcodec-cuda" if device == "cuda" and not decoder.cpu_fallback else "torchcodec")
        yield from batch.data.cpu().numpy()[: len(expected) if is_right.all() else int(is_right.argmin())]
        if not is_right.all():
            raise ValueError("torchcodec returned another frame than the requested one")


@cache
def has_cuda() -> bool:
    """Whether torch finds a CUDA GPU, which torchcodec can decode on."""
    return bool(importlib.import_module("torch").cuda.is_available())


@cache
def _torchcodec() -> ModuleType | None:
    """torchcodec's decoders; None, with a warning, if the system has no FFmpeg for them."""
    try:
        return importlib.import_module("torchcodec.decoders")
    except (ImportError, OSError, RuntimeError) as error:
        _logger.warning("torchcodec cannot be loaded, so PyAV reads the videos, which is slower: %s", error)
        return None


def _pyav_frames(path: Path, decoded: Decoded) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the frames not yet in ``decoded``, in order, up to the first that is damaged.

    A later frame would get the wrong index, and labels are aligned with frames by index.
    """
    skip, num_seen = decoded.num_frames, 0  # PyAV cannot seek reliably, so earlier frames are decoded again
    try:
        with open_container(path) as container:
            stream = video_stream(container)
            to_rgb: av.filter.Graph | None = None
            for frame in _decode_to_damage(container, stream, decoded):
                to_rgb = to_rgb or _rgb_graph(stream, frame)
                num_seen += 1
                if num_seen > skip:
                    to_rgb.push(frame)
                    decoded.read_by("pyav")
                    yield to_rgb.pull().to_ndarray().astype(np.uint8, copy=False)
    except (*FILE_ERRORS, DamagedVideo) as error:
        decoded.fail(f"after frame {num_seen}: {error_text(error)}")


def _decode_to_damage(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, decoded: Decoded
) -> Iterator[av.VideoFrame]:
    """Yield all frames; at the first damage, also those that are still in the decoder and belong before it."""
    num_packets, until = 0, math.inf
    try:
        for packet in container.demux(stream):
            num_packets, until = num_packets + 1, _time(packet, -math.inf)
            yield from packet.decode()
            until = math.inf
    except FILE_ERRORS as error:
        decoded.fail(f"at packet {num_packets}: {error_text(error)}")
        with suppress(*FILE_ERRORS):
            yield from (frame for frame in stream.codec_context.decode(None) if _time(frame, math.inf) < until)


def _time(shown: av.Packet | av.VideoFrame, otherwise: float) -> float:
    return otherwise if shown.pts is None else shown.pts


def _rgb_graph(stream: av.video.stream.VideoStream, first: av.VideoFrame) -> av.filter.Graph:
    """The colour conversion of the ffmpeg command; PyAV's reformatter gives other pixels at odd sizes.

    As in the ffmpeg command, the size and the turn of the first frame apply to all frames.
    """
    graph = av.filter.Graph()
    turns = [graph.add(name, arguments) for name, arguments in turn_filters(first)]
    source = graph.add_buffer(template=stream)
    graph.link_nodes(source, *turns, graph.add("format", "rgb24"), graph.add("buffersink")).configure()
    return graph

"""Open a video file, and find out what must be known before its frames are read.

Frames are found by their times, and the times in some files cannot be trusted. AVI stores no times, so
with B-frames they are guesses. `read_outline` checks this: it reads the packets once and decodes at most one frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import av.stream

from humotion.video.length import is_cut_short
from humotion.video.orientation import Filters, quarter_turn, turn_filters

FILE_ERRORS = (av.error.FFmpegError, OSError, ValueError)
MAX_PIXELS = 2**26
"""The most pixels in a frame: twice those of 8K video. A header that states more is damaged, and would fill memory."""
_TIMED_CONTAINERS = frozenset({"mp4", "mov", "matroska", "webm"})


class DamagedVideo(Exception):
    """A file that cannot be opened as video; ``status`` is what the tables record."""

    def __init__(self, text: str, status: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Outline:
    """What the packets of a file say about its frames, before these are decoded.

    ``times`` are the seconds at which the frames are shown, in order, or None if they cannot be
    trusted. ``turn`` is how far the frames must be rotated, in degrees clockwise. It is None if they
    are mirrored, or rotated by an angle that is not a multiple of 90 degrees.
    """

    stream_index: int
    fps: float | None
    times: tuple[float, ...] | None
    turn: int | None


def open_container(path: Path) -> av.container.InputContainer:
    """Open a file that contains a video; raises DamagedVideo, which has the status to record."""
    if not path.is_file():
        raise DamagedVideo("the file does not exist", "missing")
    if path.stat().st_size == 0:
        raise DamagedVideo("the file has no bytes", "empty")
    cut = "the file ends too early, and its index is missing: " if is_cut_short(path) else ""
    try:
        container = av.open(str(path))
    except FILE_ERRORS as error:
        raise DamagedVideo(cut + error_text(error), "corrupt") from error
    if not _streams(container):
        missing = "decoder for the video" if _moving(container) else "video stream"
        container.close()
        raise DamagedVideo(f"{cut}there is no {missing} in it", "corrupt")
    return container


def video_stream(container: av.container.InputContainer) -> av.video.stream.VideoStream:
    """The stream to read, chosen as the ffmpeg command does: first one marked as default, then the largest.

    Raises DamagedVideo if its header says that frames have more than `MAX_PIXELS`.
    """
    stream = max(_streams(container), key=lambda stream: (_has(stream, "default"), stream.width * stream.height))
    if stream.width * stream.height > MAX_PIXELS:
        raise DamagedVideo(f"its header says that frames have {stream.width} x {stream.height} pixels", "corrupt")
    return stream


def read_outline(path: Path) -> Outline:
    """Read the packets of a file; raises DamagedVideo if it cannot be opened as video."""
    with open_container(path) as container:
        stream = video_stream(container)
        fps = float(stream.average_rate) if stream.average_rate else None
        names = set(container.format.name.split(","))
        is_avi = "avi" in names  # AVI has no display matrix, and no times for B-frames
        if not (is_avi or names & _TIMED_CONTAINERS) or (is_avi and stream.codec_context.has_b_frames):
            return Outline(stream.index, fps, None, None)
        try:
            ticks, filters = _read_packets(container, stream, decode_first=not is_avi)
        except FILE_ERRORS:
            return Outline(stream.index, fps, None, None)
        trusted = ticks and stream.time_base and _are_times(ticks, in_order=is_avi)
        times = tuple(float(tick * stream.time_base) for tick in sorted(ticks)) if trusted else None  # type: ignore
        return Outline(stream.index, fps, times, quarter_turn(filters))


def _read_packets(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, decode_first: bool
) -> tuple[list[int | None], Filters]:
    """The time of each packet that will be shown, and the filters that turn the first frame upright."""
    ticks: list[int | None] = []
    filters: Filters | None = None if decode_first else ()
    for packet in container.demux(stream):
        if packet.size and not packet.is_discard:
            ticks.append(packet.pts)
        if filters is None:
            filters = next(map(turn_filters, packet.decode()), None)
    return ticks, filters or ()


def _are_times(ticks: Sequence[int | None], in_order: bool) -> bool:
    known = [tick for tick in ticks if tick is not None]
    unique = len(known) == len(ticks) == len(set(known))
    return unique and (not in_order or known == sorted(known))


def _streams(container: av.container.InputContainer) -> list[av.video.stream.VideoStream]:
    return [stream for stream in _moving(container) if stream.codec_context]


def _moving(container: av.container.InputContainer) -> list[av.video.stream.VideoStream]:
    """The video streams, without the cover picture of an audio file."""
    return [stream for stream in container.streams.video if not _has(stream, "attached_pic")]


def _has(stream: av.video.stream.VideoStream, name: str) -> bool:
    return bool(stream.disposition & av.stream.Disposition[name])


def error_text(error: Exception) -> str:
    """The text of a decoder's exception, without the path that it repeats."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

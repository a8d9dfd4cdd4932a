"""Read frames by PyAV, in order, up to the first damage.

A frame behind damage may have the wrong index, or may be drawn from a damaged one, and labels are aligned with frames
by index. So reading ends there. The first damage is what the packets show (see `humotion.video.damage`), or what the
decoder shows: an error, a line in its log, or a frame that it marks as corrupt.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from humotion.video.container import FILE_ERRORS, DamagedVideo, error_text, open_container, video_stream
from humotion.video.decoded import Decoded
from humotion.video.ffmpeg_log import pyav_errors
from humotion.video.orientation import turn_filters
from humotion.video.outline import Outline

_HARMLESS: frozenset[str] = frozenset({"mmco: unref short failure"})
"""Said in the first group of whole files that start at a key frame of an open group: a frame that was before the
start shall be forgotten. Later it tells that a frame was lost."""


def pyav_frames(path: Path, outline: Outline, decoded: Decoded) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the frames not yet in ``decoded``, RGB (H, W, 3) uint8, up to the first that is damaged."""
    skip, num_seen = decoded.num_frames, 0  # PyAV cannot seek reliably, so earlier frames are decoded again
    try:
        with open_container(path) as container:
            stream = video_stream(container)
            to_rgb: av.filter.Graph | None = None
            size: tuple[int, int] | None = None
            for frame in _Whole(container, stream, outline, decoded):
                if to_rgb is None:
                    to_rgb, size = _rgb_graph(stream, frame), (frame.width, frame.height)
                if size not in (None, (frame.width, frame.height)):
                    decoded.remarks.append(_other_size(num_seen, frame, size))
                    size = None  # once is enough
                num_seen += 1
                if num_seen > skip:
                    to_rgb.push(frame)
                    decoded.read_by("pyav")
                    yield to_rgb.pull().to_ndarray().astype(np.uint8, copy=False)
    except (*FILE_ERRORS, DamagedVideo) as error:
        decoded.fail(f"after frame {num_seen}: {error_text(error)}", partial="damaged")


class _Whole:
    """The frames of a stream before its first damage, which is recorded in ``decoded``.

    At the damage some frames are still in the decoder. Those that belong before it are given too, see `_rest`.
    """

    def __init__(
        self,
        container: av.container.InputContainer,
        stream: av.video.stream.VideoStream,
        outline: Outline,
        decoded: Decoded,
    ) -> None:
        self._packets = container.demux(stream)
        self._stream, self._known, self._decoded = stream, outline.damage, decoded
        self._can_be_cut = outline.ends_early or not outline.has_length
        self._number, self._num_keys = -1, 0
        self._first_key: float | None = None
        self._shown: list[float] = []  # times of the last two frames
        self._num_frames = 0

    def __iter__(self) -> Iterator[av.VideoFrame]:
        packet: av.Packet | None = None
        try:
            while (packet := self._next()) is not None:
                self._number += 1
                if self._known and self._number == self._known.number:
                    yield from self._end(packet, self._known.text)
                    return
                frames, damage = self._decode(packet)
                for frame in frames:
                    if damage is None and frame.is_corrupt and self._has_started(packet):
                        damage = "the decoder marks it as corrupt"
                        break
                    yield self._noted(frame)
                if damage:
                    yield from self._end(packet, damage)
                    return
        except FILE_ERRORS as error:
            yield from self._end(None, error_text(error))
            return
        if self._known:
            yield from self._end(None, self._known.text)

    def _next(self) -> av.Packet | None:
        with pyav_errors():  # what the demuxer says was heard in the pass over the packets
            return next(self._packets, None)

    def _decode(self, packet: av.Packet) -> tuple[list[av.VideoFrame], str | None]:
        """The frames that a packet completes, and the damage that the decoder reports."""
        self._num_keys += packet.is_keyframe
        if self._first_key is None and packet.is_keyframe:
            self._first_key = _time(packet, -math.inf)
        with pyav_errors() as heard:
            try:
                frames = packet.decode()
            except FILE_ERRORS as error:
                return [], error_text(error) if self._has_started(packet) else None
        harmless = _HARMLESS if self._num_keys < 2 else frozenset()
        said = next((text.strip() for _, _, text in heard if text.strip() not in harmless), None)
        return ([], said) if said and self._has_started(packet) else (frames, None)

    def _has_started(self, packet: av.Packet) -> bool:
        """Whether the decoder can be expected to decode ``packet``: it and what it needs are in the file.

        Many whole files start between two key frames. The packets before the first key frame, and those that are
        shown before it, are drawn from frames that were never in the file.
        """
        return self._first_key is not None and _time(packet, math.inf) >= self._first_key

    def _noted(self, frame: av.VideoFrame) -> av.VideoFrame:
        self._shown = [*self._shown[-1:], _time(frame, math.nan)]
        self._num_frames += 1
        return frame

    def _end(self, packet: av.Packet | None, damage: str) -> Iterator[av.VideoFrame]:
        """Give the frames before the damage, and record it: at the end of the file it is a cut, else damage."""
        until, num_behind = self._behind(packet)
        yield from self._rest(until)
        text = f"damage from frame {self._num_frames} on: {damage}"
        if packet is not None and packet.pts is not None and packet.time_base:
            text += f", at {float(packet.pts * packet.time_base):.3f} s"
        is_last = num_behind == 0 and self._can_be_cut
        text = f"the file ends before its last frame ({text})" if is_last else text
        self._decoded.fail(text, partial="truncated" if is_last else "damaged")

    def _behind(self, packet: av.Packet | None) -> tuple[float, int]:
        """The earliest time in ``packet`` and all behind it, and the number of packets behind it."""
        times = [_time(packet, -math.inf)] if packet is not None and packet.size else []
        num_behind = 0
        with suppress(*FILE_ERRORS), pyav_errors():
            for later in self._packets:
                if later.size:
                    num_behind += 1
                    times.append(_time(later, -math.inf))
        return min(times, default=math.inf), num_behind

    def _rest(self, until: float) -> Iterator[av.VideoFrame]:
        """The frames that the decoder still holds, as long as each follows the last one by the usual step in time.

        A frame that was lost may belong between them; without regular times nobody can tell.
        """
        with suppress(*FILE_ERRORS), pyav_errors():
            rest = self._stream.codec_context.decode(None)
            for frame in rest:
                step = self._shown[1] - self._shown[0] if len(self._shown) == 2 else math.nan
                is_next = abs(_time(frame, math.nan) - self._shown[-1] - step) < step / 2 if self._shown else False
                if not is_next or not _time(frame, math.inf) < until or frame.is_corrupt:
                    return
                yield self._noted(frame)


def _other_size(index: int, frame: av.VideoFrame, first: tuple[int, int] | None) -> str:
    width, height = first or (0, 0)
    return (
        f"frame {index} is {frame.width} x {frame.height}, not {width} x {height} as the first: it and others of "
        "another size are stretched to that of the first, as by the ffmpeg command; where the size changes, FFmpeg may "
        "lose a frame"
    )


def _time(shown: av.Packet | av.VideoFrame, otherwise: float) -> float:
    return otherwise if shown.pts is None else shown.pts


def _rgb_graph(stream: av.video.stream.VideoStream, first: av.VideoFrame) -> av.filter.Graph:
    """The colour conversion of the ffmpeg command; PyAV's reformatter gives other pixels at odd sizes.

    As in the ffmpeg command, the size and the turn of the first frame apply to all frames.
    """
    graph = av.filter.Graph()
    turns = [graph.add(name, arguments) for name, arguments in turn_filters(first)]
    # Not the size in the container's header, which may be another one.
    source = graph.add_buffer(template=stream, width=first.width, height=first.height, format=first.format)
    graph.link_nodes(source, *turns, graph.add("format", "rgb24"), graph.add("buffersink")).configure()
    return graph

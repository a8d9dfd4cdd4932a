"""Find out what must be known of a video before its frames are read, in one pass over its packets.

Frames are found by their times, and the times in some files cannot be trusted. AVI stores no times, so
with B-frames they are guesses. `read_outline` checks this: it reads the packets once and decodes at most one frame.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.stream
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, VideoReformatter

from humotion.video.container import FILE_ERRORS, error_text, number_of_videos, open_container, video_stream
from humotion.video.damage import PacketDamage, PacketFacts, packet_damage
from humotion.video.ffmpeg_log import Lines, pyav_errors
from humotion.video.length import ends_within_ts_packet, is_cut_short
from humotion.video.orientation import Filters, quarter_turn, turn_filters
from humotion.video.transport import first_break

_TIMED_CONTAINERS = frozenset({"mp4", "mov", "matroska", "webm"})
_NUMBERED_CODECS = frozenset({"mpeg1video", "mpeg2video"})
_PICTURE_START = b"\0\0\1\0"
_HEADER_BYTES = 512  # of a packet, in which its picture header lies
_END = (None, None, None, 0, False, False, False)  # the facts of a packet that could not be read
_CHUNK_HEADER = 8  # bytes of an AVI chunk before its data; its index lists where the chunk starts
_MOST_KINDS = 8
_here = threading.local()


@dataclass(frozen=True)
class Outline:
    """What the packets of a file say about its frames, before these are decoded.

    ``times`` are the seconds at which the frames are shown, in order, or None if they cannot be
    trusted. ``turn`` is how far the frames must be rotated, in degrees clockwise. It is None if they
    are mirrored, or rotated by an angle that is not a multiple of 90 degrees. ``first`` is the first frame,
    not turned, in nearly the right colours: RGB (H, W, 3) uint8. ``pixel_format`` is FFmpeg's name; with "/full"
    behind it, the levels of YUV are 0 to 255 although the name does not say so. ``damage`` is the first packet
    that is not whole. ``ends_early`` says that the file is shorter than its headers say, and frames are missing;
    only containers with ``has_length`` say how long they are. ``starts_clean``: the first packet is a key frame, and
    no frame is shown before it, so that every frame can be decoded. ``num_streams`` counts the videos in the
    file. ``pixel_shape`` is width by height of a pixel, if it is not square.
    """

    stream_index: int
    fps: float | None
    container: str
    codec: str
    pixel_format: str | None
    times: tuple[float, ...] | None = None
    turn: int | None = None
    first: npt.NDArray[np.uint8] | None = None
    damage: PacketDamage | None = None
    has_length: bool = False
    starts_clean: bool = False
    ends_early: bool = False
    num_streams: int = 1
    pixel_shape: Fraction | None = None


class _Pass:
    """One reading of all packets of a stream, with the first frame if that is wanted."""

    def __init__(self, container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> None:
        self.packets: list[PacketFacts] = []
        self.filters: Filters = ()
        self.first: npt.NDArray[np.uint8] | None = None
        self.is_complete = True
        self._container, self._stream = container, stream
        self._demuxer = container.format.name
        self._is_numbered = stream.codec_context.name in _NUMBERED_CODECS

    def run(self, with_first: bool) -> None:
        """Read the packets; after an error of the demuxer they are not complete."""
        wanted = with_first
        with pyav_errors() as heard:
            try:
                for packet in self._container.demux(self._stream):
                    self.packets.append(self._facts(packet, heard))
                    heard.clear()
                    wanted = wanted and not self._decode(packet)
                    heard.clear()  # the reader that decodes all frames judges what the decoder says
            except FILE_ERRORS as error:
                self.is_complete = False
                self.packets.append(PacketFacts(*_END, said=error_text(error)))

    def _facts(self, packet: av.Packet, heard: Lines) -> PacketFacts:
        # Lines of the codec's parser are left to the decoder, which knows whether the packet can be decoded at all.
        said = next((text.strip() for _, name, text in heard if name == self._demuxer), None)
        is_shown = bool(packet.size) and not packet.is_discard
        flags = (packet.is_keyframe, packet.is_corrupt, is_shown)
        reference = _temporal_reference(packet) if self._is_numbered else None
        return PacketFacts(packet.pts, packet.dts, packet.pos, packet.size, *flags, said, reference)

    def _decode(self, packet: av.Packet) -> bool:
        try:
            frame = next(iter(packet.decode()), None)
        except FILE_ERRORS:
            return True
        if frame is not None:
            self.filters = turn_filters(frame)
            pixels = _reformatter(frame).reformat(frame, format="rgb24").to_ndarray()
            self.first = pixels.astype(np.uint8, copy=False)
        return frame is not None


def read_outline(path: Path) -> Outline:
    """Read the packets of a file; raises DamagedVideo if it cannot be opened as video."""
    said: list[str] = []
    with open_container(path, said) as container:
        stream = video_stream(container)
        names = set(container.format.name.split(","))
        is_avi = "avi" in names  # it has no display matrix, and no times for B-frames
        can_trust = bool(names & _TIMED_CONTAINERS) or (is_avi and not stream.codec_context.has_b_frames)
        index = [entry.pos + _CHUNK_HEADER for entry in stream.index_entries if entry.size] if is_avi else []
        read = _Pass(container, stream)
        read.run(with_first=can_trust)
        codec = stream.codec_context.codec.canonical_name
        ticks = [packet.pts for packet in read.packets if packet.is_shown]
        ends_early, damage = _ending(path, container, read.packets, stream)
        broken = first_break(path) if "mpegts" in names else None
        damage = packet_damage(read.packets, index, broken) or damage
        if said and not len(ticks) >= stream.frames > 0:  # the index is damaged, so no frame has a sure place
            damage = PacketDamage(0, said[0])
        can_trust = can_trust and read.is_complete and _are_times(ticks, in_order=is_avi)
        return Outline(
            stream_index=stream.index,
            fps=float(stream.average_rate) if stream.average_rate else None,
            container=container.format.name,
            codec=codec,
            pixel_format=_pixel_format(stream.codec_context),
            times=_seconds(ticks, stream.time_base) if can_trust else None,
            turn=quarter_turn(read.filters),
            first=read.first,
            damage=damage,
            starts_clean=_starts_clean(read.packets),
            has_length=is_avi or bool(names & _TIMED_CONTAINERS),
            ends_early=ends_early,
            num_streams=number_of_videos(container),
            pixel_shape=_pixel_shape(stream),
        )


def _seconds(ticks: Sequence[int | None], base: Fraction | None) -> tuple[float, ...] | None:
    if base is None:
        return None
    above, below = base.numerator, base.denominator  # whole numbers divide ten times faster than fractions
    return tuple(tick * above / below for tick in sorted(tick for tick in ticks if tick is not None))


def _pixel_shape(stream: av.video.stream.VideoStream) -> Fraction | None:
    shape = stream.sample_aspect_ratio
    return shape if shape and shape != 1 else None


def _starts_clean(packets: Sequence[PacketFacts]) -> bool:
    """Whether the first packet is a key frame that is shown first."""
    times = [packet.pts for packet in packets if packet.size]
    known = [time for time in times if time is not None]
    return bool(known) and packets[0].is_key and times[0] == min(known)


def _ending(
    path: Path,
    container: av.container.InputContainer,
    packets: Sequence[PacketFacts],
    stream: av.video.stream.VideoStream,
) -> tuple[bool, PacketDamage | None]:
    """Whether the file ends too early, and the packet from which on frames may be missing for that reason."""
    text = "what belongs behind is not in the file"
    if "mpegts" in container.format.name.split(","):
        last = max((number for number, packet in enumerate(packets) if packet.size), default=0)
        is_cut = ends_within_ts_packet(path)  # then the last picture may be a part of one
        return is_cut, PacketDamage(last, text) if is_cut else None
    ticks = [packet.pts for packet in packets if packet.is_shown]
    is_cut = is_cut_short(path) and not _reaches_the_end(container, stream, ticks)
    return is_cut, PacketDamage(max(0, len(packets) - 1), text) if is_cut else None


def _temporal_reference(packet: av.Packet) -> int | None:
    """The place of a picture in its group, from its header (ISO/IEC 13818-2, 6.2.3); None without a header."""
    head = memoryview(packet)[:_HEADER_BYTES].tobytes()
    start = head.find(_PICTURE_START) + len(_PICTURE_START)
    known = start >= len(_PICTURE_START) and len(head) >= start + 2
    return int.from_bytes(head[start : start + 2], "big") >> 6 if known else None


def _reaches_the_end(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, ticks: Sequence[int | None]
) -> bool:
    """Whether the packets reach the length in the header, so that none is missing at the end.

    Some writers state a wrong size of the file, and other programs write behind its end. Then the sizes do not add
    up although every frame is there.
    """
    times = sorted(tick for tick in ticks if tick is not None)
    if not times or stream.time_base is None:
        return False
    step = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0
    if stream.frames and len(times) >= stream.frames:
        return True
    if stream.duration:
        return times[-1] - (stream.start_time or 0) + 1.5 * step >= stream.duration
    length = (container.duration or 0) / av.time_base
    return bool(length) and float((times[-1] + 1.5 * step) * stream.time_base) >= length


def _are_times(ticks: Sequence[int | None], in_order: bool) -> bool:
    known = [tick for tick in ticks if tick is not None]
    unique = bool(known) and len(known) == len(ticks) == len(set(known))
    return unique and (not in_order or known == sorted(known))


def _pixel_format(codec: av.VideoCodecContext) -> str | None:
    name = codec.pix_fmt
    has_own_range = name is None or not name.startswith("yuv") or name.startswith("yuvj")
    return name if has_own_range or codec.color_range != ColorRange.JPEG else f"{name}/full"


def _reformatter(frame: av.VideoFrame) -> VideoReformatter:
    """One per kind of frame and thread: its tables are most of the cost, and those of another kind are wrong."""
    kept: dict[tuple[object, ...], VideoReformatter] = _here.__dict__.setdefault("reformatters", {})
    kind = (frame.format.name, frame.width, frame.height, frame.colorspace, frame.color_range)
    if kind not in kept and len(kept) >= _MOST_KINDS:
        kept.clear()
    return kept.setdefault(kind, VideoReformatter())

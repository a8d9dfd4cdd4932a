"""Whether a video file is shorter than its own headers say, for example after a broken download or on a full disk.

Decoders report no error at the end of such a file, so only the sizes in the container show the damage. A transport
stream (MPEG-TS) does not store its size, but a cut nearly always goes through one of its packets. Other streams
without a size (MPEG-PS, live recordings) cannot be checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"moof", b"styp", b"sidx"})


_TS_PACKET, _TS_SYNC = 188, 0x47


def ends_within_ts_packet(path: Path) -> bool:
    """Whether a transport stream ends in the middle of a packet of one of its last programs.

    Other bytes behind the end of a whole file have another identifier (ISO/IEC 13818-1, 2.4.3.2), or no sync byte.
    """
    size = path.stat().st_size
    rest = size % _TS_PACKET
    with path.open("rb") as stream:
        stream.seek(max(0, size - rest - 64 * _TS_PACKET))
        data = stream.read()
    packets = [data[start : start + 3] for start in range(0, len(data), _TS_PACKET)]
    if rest < 3 or len(packets) < 2 or any(packet[0] != _TS_SYNC for packet in packets):
        return False
    *known, last = (int.from_bytes(packet[1:3], "big") & 0x1FFF for packet in packets)
    return last in known


def is_cut_short(path: Path) -> bool:
    """Whether the last part of an AVI, MP4/MOV or Matroska/WebM file would extend beyond the end of the file."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(8)
        stream.seek(0)
        if head[:4] == b"RIFF":
            ends: Iterator[int] = iter([8 + int.from_bytes(head[4:], "little") - 1])  # a pad byte may be missing
        elif head[4:] in _BOXES:
            ends = _box_ends(stream, size)
        elif head[:4] == _EBML.to_bytes(4, "big"):
            ends = _element_ends(stream)
        else:
            return False
        return any(end > size for end in ends)


def _box_ends(stream: BinaryIO, size: int) -> Iterator[int]:
    """The end positions of the top-level boxes of an MP4 or MOV file (ISO/IEC 14496-12, 4.2)."""
    start = 0
    while start + 8 <= size:
        stream.seek(start)
        head = stream.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # 0: the box extends to the end of the file; 1 to 7: damage
            return
        start += length
        yield start


def _element_ends(stream: BinaryIO) -> Iterator[int]:
    """The end positions of the header and the segment of a Matroska file (RFC 8794, 4 to 6)."""
    for expected in (_EBML, _SEGMENT):
        if int.from_bytes(stream.read(4), "big") != expected:
            return
        first = stream.read(1)
        width = 9 - first[0].bit_length() if first and first[0] else 9
        if width > 8:
            return
        length = int.from_bytes(first + stream.read(width - 1), "big") - (1 << 7 * width)
        if length == (1 << 7 * width) - 1:  # unknown: a live recording
            return
        yield stream.tell() + length
        if expected == _EBML:
            stream.seek(length, 1)

"""What the packets of a file say about damage: which of them are hurt, and where some are missing.

A demuxer skips bytes that it does not understand, so what was in them is missing without an error. It leaves traces:
a packet that is flagged as corrupt, a line in FFmpeg's log, a packet that the file's index lists and nobody read, or
a number that is left out. Each rule below gives the number of the first packet that is hurt or that follows a hole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

_FILE_ENDED = "File ended prematurely"  # the demuxer's words, when the last packet is not whole and is not given
_LAG = 2
"""The second of two joined recordings starts within these packets after the flagged one: the parser flags it early."""


class PacketFacts(NamedTuple):
    """One packet: times in ticks, position and size in bytes, flags, and what the demuxer logged while it was read.

    ``reference`` is the temporal reference of an MPEG-1 or MPEG-2 picture: its place in the group of pictures.
    """

    pts: int | None
    dts: int | None
    pos: int | None
    size: int
    is_key: bool
    is_corrupt: bool
    is_shown: bool
    said: str | None = None
    reference: int | None = None


class PacketDamage(NamedTuple):
    """The first packet that is not as it was written, or that follows a hole; and what shows it."""

    number: int
    text: str


def packet_damage(
    packets: Sequence[PacketFacts], index: Sequence[int] = (), broken: int | None = None
) -> PacketDamage | None:
    """The first damage in ``packets``; None if there is no trace of any.

    Args:
        packets: all packets of the stream, in the order of the file.
        index: the positions of its packets as the file's own index lists them; empty without a complete index.
        broken: the byte at which the container is broken.
    """
    found = [*_said(packets), *_missing(packets, index), *_holes(packets)]
    if broken is not None:
        before = [number for number, packet in enumerate(packets) if packet.pos is not None and packet.pos < broken]
        found.append(PacketDamage(max(before, default=0), f"the stream is broken at byte {broken}"))
    return min(found, default=None, key=lambda damage: damage.number)


def _said(packets: Sequence[PacketFacts]) -> Iterator[PacketDamage]:
    for number, packet in enumerate(packets):
        if packet.said:  # the bytes that the demuxer did not understand may start in the packet before
            is_end = packet.said.startswith(_FILE_ENDED)
            yield PacketDamage(number if is_end else max(0, number - 1), packet.said)
            return
        if packet.is_corrupt and not _is_joint(packets, number):
            yield PacketDamage(number, "some bytes of its packet are missing")
            return


def _is_joint(packets: Sequence[PacketFacts], number: int) -> bool:
    """Whether two recordings were joined behind a packet, which a transport stream reports like missing bytes.

    The second one starts with a key frame, and its times start again or follow without a hole. If bytes are missing
    nevertheless, the decoder notices.
    """
    near = packets[max(0, number - 1) : number + 1 + _LAG]
    times = [packet.dts for packet in near]
    usual = _usual_step(packets)
    if number == 0 or None in times or usual is None:
        return False
    are_usual = [b - a <= usual for a, b in pairwise(time for time in times if time is not None)]
    return any(near[n].is_key and all(are_usual[:n]) for n in range(2, len(near)))


def _usual_step(packets: Sequence[PacketFacts]) -> int | None:
    steps = sorted(b.dts - a.dts for a, b in pairwise(packets) if a.dts is not None and b.dts is not None)
    return steps[len(steps) // 2] if steps else None


def _missing(packets: Sequence[PacketFacts], index: Sequence[int]) -> Iterator[PacketDamage]:
    """Packets that the index lists and that were not read, and packets between them that it does not list.

    Some writers make an index with other positions. Such an index says nothing.
    """
    read = {packet.pos: number for number, packet in enumerate(packets) if packet.size}
    known = set(index)
    lost = sorted(known - read.keys())
    if len(lost) * 2 > len(known):
        return
    ends = sorted((pos, number) for pos, number in read.items() if pos is not None)
    for pos in lost[:1]:
        number = next((number for start, number in ends if start > pos), len(packets))
        yield PacketDamage(
            max(0, number - 1), f"{len(lost)} of {len(known)} packets in the file's index cannot be read"
        )
    for pos, number in ends if known else ():
        if pos not in known and pos < max(known):
            yield PacketDamage(number, "its packet is not in the file's index")
            return


def _holes(packets: Sequence[PacketFacts]) -> Iterator[PacketDamage]:
    """Pictures that are missing in a group of pictures of MPEG-1 or MPEG-2, which has a number for each of them.

    Times alone do not tell: an encoder may have left out frames that were equal to the one before.
    """
    starts = [number for number, packet in enumerate(packets) if packet.is_key and packet.reference is not None]
    for start, end in zip(starts, [*starts[1:], len(packets)], strict=False):
        group = packets[start:end]
        numbers = {packet.reference for packet in group if packet.reference is not None}
        missing = set(range(max(numbers))) - numbers
        if missing:
            behind = (number for number, packet in enumerate(group) if (packet.reference or 0) > min(missing))
            yield PacketDamage(start + next(behind), f"{len(missing)} frames are missing there")
            return

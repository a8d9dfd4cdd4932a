"""Where a transport stream (MPEG-TS) is broken, from the sync byte that each of its packets starts with.

After bytes that it does not understand, FFmpeg searches the next sync byte and says nothing, and it forgets the
continuity counters that would show the loss.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

_SYNC = 0x47
_STRIDES = (188, 192, 204)  # plain, with a time code in front (M2TS), with error correction behind
_PART_BYTES = 2**24
_NUM_SURE = 5  # sync bytes at the right distance, after which a stream surely continues


def first_break(path: Path) -> int | None:
    """The byte at which packets stop and later start again; None if the stream is unbroken.

    Bytes in front of the first packet and behind the last one do not count: nothing is missing between packets.
    """
    if path.stat().st_size < _STRIDES[0] * _NUM_SURE:
        return None
    data = np.memmap(path, np.uint8, mode="r")
    for stride in _STRIDES:
        start = _start(data[: stride * (_NUM_SURE + 1)], stride)
        if start is not None:
            wrong = np.flatnonzero(data[start::stride] != _SYNC)
            if not len(wrong):
                return None
            place = start + int(wrong[0]) * stride
            return place if _starts_again(data[place:], stride) else None
    return None


def _starts_again(data: npt.NDArray[np.uint8], stride: int) -> bool:
    """Whether packets follow somewhere; a part at a time, because the file may be larger than the memory."""
    overlap = stride * _NUM_SURE
    parts = range(0, max(1, len(data) - overlap), _PART_BYTES)
    return any(_start(data[place : place + _PART_BYTES + overlap], stride) is not None for place in parts)


def _start(data: npt.NDArray[np.uint8], stride: int) -> int | None:
    """The first byte from which sync bytes follow at the right distance."""
    length = len(data) - stride * (_NUM_SURE - 1)
    if length <= 0:
        return None
    found = np.ones(length, bool)
    for number in range(_NUM_SURE):
        found &= data[number * stride : number * stride + length] == _SYNC
    return int(found.argmax()) if found.any() else None

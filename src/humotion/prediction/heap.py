"""Memory of the C library, which keeps what is freed.

Decoders, networks and encoders ask for memory of many sizes, and free it in another order. The holes between what is
still used stay with the process: after ten minutes of video they are 50 MB, and they grow with its length. The C
library of GNU gives the pages in them back to the system when it is told to, which takes a few milliseconds.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TypeVar

Item = TypeVar("Item")

TRIM_EVERY = 1000  # frames: 40 seconds of video


def tidied(frames: Iterable[Item]) -> Iterator[Item]:
    """Yield the frames of a video; now and then, give the memory back that was freed meanwhile."""
    for number, frame in enumerate(frames, start=1):
        yield frame
        if number % TRIM_EVERY == 0:
            give_back()


def give_back() -> None:
    """Give the memory back that was freed; does nothing with another C library, which has no such function."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    try:
        function = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # Windows cannot open None; others lack the function
        return None
    function.argtypes, function.restype = [ctypes.c_size_t], ctypes.c_int
    return function

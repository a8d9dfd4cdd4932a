"""Give memory back to the system after a number of answers: frames of many sizes leave holes in it."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress


def tidy() -> None:
    """Collect garbage, and let the allocator of glibc give back what it keeps."""
    gc.collect()
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def keep_for_good() -> None:
    """Look no more for garbage in what is there now: libraries and models. Else `tidy` takes 0.3 s for them."""
    gc.collect()
    gc.freeze()

"""Hear what FFmpeg says while it reads a file.

A demuxer that skips damaged bytes and a decoder that conceals a damaged picture raise no error. They write a line to
FFmpeg's log. There are two copies of FFmpeg in the process, and each has its own log: the copy inside PyAV, and the
system's libraries, which torchcodec uses. Lines are kept per thread. Both readers decode in the thread that calls
them (one decoding thread), so a line belongs to the file that this thread is reading.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import cast

import av.logging

Lines = list[tuple[int, str, str]]
"""Lines of the log, as (level, part of FFmpeg that wrote it, text)."""

_ERROR, _INFO = 16, 32  # AV_LOG_ERROR, AV_LOG_INFO; a lower number is more serious
_CONCEALING = b"concealing"
_MAJOR_VERSIONS = range(56, 61)  # of libavutil: FFmpeg 4 to 8
_NAMES = ("libavutil.so.{}", "libavutil.{}.dylib")
_LINE = re.compile(r"\[(.*?) @ \w+\] (.*)", re.DOTALL)
_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)

logging.getLogger("libav").addHandler(logging.NullHandler())  # PyAV's name for lines that nobody captures
logging.getLogger("libav").propagate = False
av.logging.set_skip_repeated(False)  # else a line that equals the last one of the file before is lost
av.logging.set_level(av.logging.ERROR)


def pyav_errors() -> AbstractContextManager[Lines]:
    """A block that collects the errors that PyAV's FFmpeg logs in this thread; its list grows while they are logged."""
    return cast(AbstractContextManager[Lines], av.logging.Capture())  # PyAV annotates its __exit__ wrongly


@contextmanager
def listening_to_torchcodec() -> Iterator[None]:
    """A block in which `torchcodec_errors` is cheap: a listener is set once, and not for each batch of frames."""
    _listen(+1)
    try:
        yield
    finally:
        _listen(-1)


@contextmanager
def torchcodec_errors() -> Iterator[Lines]:
    """Collect the errors that torchcodec's FFmpeg logs in this thread; the list is complete at the end of the block.

    It must be inside `listening_to_torchcodec`.
    """
    before = getattr(_here, "lines", None)
    lines: Lines = []
    _here.lines = lines
    try:
        yield lines
    finally:
        _here.lines = before


def can_hear_torchcodec() -> bool:
    """Whether the FFmpeg libraries that torchcodec has loaded were found; call it after torchcodec was imported."""
    return bool(_libraries())


_here = threading.local()
_lock = threading.Lock()
_listeners = 0


def _listen(change: int) -> None:
    """Count the blocks that listen. Without one, FFmpeg has its own callback, which costs no Python call per line."""
    global _listeners
    with _lock:
        _listeners += change
        for library in _libraries():
            library.av_log_set_callback(_callback if _listeners else library.av_log_default_callback)


def _write(source: int | None, level: int, text: int | None, values: int | None) -> None:
    lines = getattr(_here, "lines", None)
    if lines is None or not (level <= _ERROR or (level <= _INFO and text and _tells_of_concealment(text))):
        return
    buffer, prefix = ctypes.create_string_buffer(400), ctypes.c_int(1)
    arguments = (ctypes.c_void_p(source), level, ctypes.c_void_p(text), ctypes.c_void_p(values))
    _libraries()[0].av_log_format_line(*arguments, buffer, len(buffer), ctypes.byref(prefix))
    said = buffer.value.decode("utf-8", "replace").strip()
    found = _LINE.match(said)
    lines.append((level, found[1], found[2]) if found else (level, "", said))


def _tells_of_concealment(text: int) -> bool:
    """Whether it is "concealing 5 DC, 5 AC, 5 MV errors in I frame", which FFmpeg does not count as an error."""
    return ctypes.string_at(text, len(_CONCEALING)) == _CONCEALING


_callback = _CALLBACK(_write)


@cache
def _libraries() -> tuple[ctypes.CDLL, ...]:
    """The copies of libavutil that are loaded under their own names; PyAV and OpenCV rename theirs."""
    if not hasattr(os, "RTLD_NOLOAD"):
        return ()
    found = []
    for name in (pattern.format(major) for pattern in _NAMES for major in _MAJOR_VERSIONS):
        try:
            found.append(ctypes.CDLL(name, mode=os.RTLD_NOLOAD | os.RTLD_NOW))
        except OSError:
            continue
    return tuple(found)

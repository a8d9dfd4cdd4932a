"""Read frames by torchcodec, which is fast, and find out that it cannot be trusted with a video.

It is used for the codecs and pixel formats for which it was measured to give FFmpeg's pixels (see
`humotion.video.trust`), where the times of all frames are known. Then each frame's time is compared with the expected
one, the first frame's pixels are compared with PyAV's, and FFmpeg's log is listened to. At the first doubt the reader
raises an error, and PyAV continues there.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from humotion.video.container import ffmpeg_name
from humotion.video.decoded import Decoded
from humotion.video.ffmpeg_log import Lines, can_hear_torchcodec, listening_to_torchcodec, torchcodec_errors
from humotion.video.outline import Outline
from humotion.video.trust import looks_alike

Device = Literal["cpu", "cuda"]
READ_ERRORS = (RuntimeError, ValueError, IndexError, TypeError)  # TypeError: a header without a size
# The size of a batch of decoded frames. It is small, so that the allocator reuses its memory. For larger batches
# the allocator asks the system for new pages, which costs a quarter of the decoding time.
_BATCH_FRAMES, _BATCH_BYTES = 16, 2**20
_READING = ("AVIOContext", "IO layer", "NULL", "")  # parts of FFmpeg that read bytes, not pictures
_SAME_TIME = 1e-6  # seconds
_logger = logging.getLogger(__name__)


class HeardDamage(ValueError):
    """FFmpeg logged an error while it decoded; the frames from index ``start`` on may be damaged."""

    def __init__(self, text: str, start: int) -> None:
        super().__init__(text)
        self.start = start


def torchcodec_frames(
    path: Path, outline: Outline, decoded: Decoded, device: Device
) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the frames not yet in ``decoded``; raises one of `READ_ERRORS` at the first that it cannot read."""
    decoders: Any = torchcodec()
    decoder = decoders.VideoDecoder(
        ffmpeg_name(path),
        stream_index=outline.stream_index,
        dimension_order="NHWC",
        seek_mode="exact",
        device=device,
    )
    facts = decoder.metadata
    if -round(facts.rotation or 0) % 360 != outline.turn:
        raise ValueError("torchcodec reports another rotation than PyAV")
    with listening_to_torchcodec():
        yield from _batches(decoder, outline, decoded, device)


def _batches(decoder: Any, outline: Outline, decoded: Decoded, device: Device) -> Iterator[npt.NDArray[np.uint8]]:
    facts = decoder.metadata
    times = np.asarray(outline.times)
    step = max(1, min(_BATCH_FRAMES, _BATCH_BYTES // (3 * facts.width * facts.height)))
    for start in range(decoded.num_frames, len(times), step):
        expected = times[start : start + step]
        with torchcodec_errors() as lines:
            batch = decoder.get_frames_in_range(start, start + len(expected))
        if lines:
            raise _heard(lines, outline, _first_heard(decoder, start, start + len(expected)))
        is_right = np.abs(batch.pts_seconds.cpu().numpy() - expected) < _SAME_TIME
        pixels = batch.data.cpu().numpy()[: len(expected) if is_right.all() else int(is_right.argmin())]
        if start == 0 and len(pixels) and not looks_alike(pixels[0], outline):
            raise ValueError("torchcodec's first frame is another picture than PyAV's")
        decoded.read_by("torchcodec-cuda" if device == "cuda" and not decoder.cpu_fallback else "torchcodec")
        yield from pixels
        if not is_right.all():
            raise ValueError("torchcodec returned another frame than the requested one")


def _heard(lines: Lines, outline: Outline, start: int) -> ValueError:
    """What the decoder says is damage. What the demuxer says was judged with the packets, by PyAV."""
    said = next((text for _, name, text in lines if name not in {outline.container, *_READING}), None)
    return ValueError(lines[0][2]) if said is None else HeardDamage(said, start)


def _first_heard(decoder: Any, start: int, end: int) -> int:
    """The first frame in a range at which FFmpeg logs an error when the frames are decoded one by one."""
    for index in range(start, end):
        with torchcodec_errors() as lines:
            decoder.get_frames_in_range(index, index + 1)
        if lines:
            return index
    return start


@cache
def has_cuda() -> bool:
    """Whether torch finds a CUDA GPU, which torchcodec can decode on."""
    return bool(importlib.import_module("torch").cuda.is_available())


@cache
def torchcodec() -> ModuleType | None:
    """torchcodec's decoders; None, with a warning, if the system has no FFmpeg for them, or one that is not heard."""
    try:
        decoders = importlib.import_module("torchcodec.decoders")
    except (ImportError, OSError, RuntimeError) as error:
        _logger.warning("torchcodec cannot be loaded, so PyAV reads the videos, which is slower: %s", error)
        return None
    if not can_hear_torchcodec():
        _logger.warning(
            "torchcodec's FFmpeg libraries were not found, so the damage that they conceal would not be noticed: "
            "PyAV reads the videos, which is slower."
        )
        return None
    return decoders

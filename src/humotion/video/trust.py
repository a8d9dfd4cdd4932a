"""For which videos torchcodec gives the pixels of the ffmpeg command."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from humotion.video.outline import Outline

MOST_DIFFERENCE = 6.0
"""Mean difference, in levels of 255, up to which two readings of the first frame count as the same picture."""

TRUSTED: dict[str, str] = {}


def is_trusted(outline: Outline) -> bool:
    """Whether torchcodec was measured to read this codec with this pixel format exactly."""
    return not TRUSTED or outline.pixel_format in TRUSTED.get(outline.codec, "").split()


def looks_alike(pixels: npt.NDArray[np.uint8], outline: Outline) -> bool:
    """Whether torchcodec's first frame, RGB (H, W, 3) uint8 and turned upright, is PyAV's first frame.

    This takes a tenth of a millisecond and catches wrong pictures. Small differences of colour are for `TRUSTED`.
    """
    if outline.first is None:
        return False
    expected = np.rot90(outline.first, -(outline.turn or 0) // 90)
    if expected.shape != pixels.shape:
        return False
    rows, columns = (max(1, side // 64) for side in pixels.shape[:2])
    ours, theirs = (picture[::rows, ::columns].astype(np.int16) for picture in (pixels, expected))
    return float(np.abs(ours - theirs).mean()) <= MOST_DIFFERENCE

"""Text in pictures: white in a dark box, in fonts that have its letters."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw

from humotion.figures.fonts import draw_text, fit
from humotion.prediction.video_file import Frames

_DARK = (24, 24, 24)


@lru_cache(maxsize=256)
def text_box(text: str, width: int, size: int) -> Frames:
    """Return a picture (H, W, 3) of a text ``size`` pixels high, cut to ``width`` pixels.

    It is kept for the next frame, so do not change it.
    """
    band = Picture.new("RGB", (width, size + size // 2), _DARK)
    draw_text(ImageDraw.Draw(band), (size // 3, size // 8), fit(text, width - size, size), size, "white")
    pixels = np.array(band)
    (columns,) = np.nonzero((pixels > 128).any(axis=(0, 2)))
    return pixels[:, : int(columns.max(initial=0)) + size // 2]

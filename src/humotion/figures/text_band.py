"""A line of text to put above or below a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw

from humotion.figures.fonts import draw_text, fit
from humotion.figures.overlay import Image

BAND = 24  # height of a line of text in pixels
FONT_SIZE = 12
WHITE, DARK = (255, 255, 255), 24


def text_band(text: str, width: int) -> Image:
    """A line of light text on a dark band; an ellipsis ends a text that is wider than the band."""
    band = Picture.new("RGB", (width, BAND), (DARK,) * 3)
    draw_text(ImageDraw.Draw(band), (6, 5), fit(text, width - 6, FONT_SIZE), FONT_SIZE, "white")
    return np.array(band)

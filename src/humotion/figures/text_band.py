"""A line of text to put above or below a picture."""

from __future__ import annotations

import cv2
import numpy as np

from humotion.figures.overlay import Image

BAND = 24  # height of a line of text in pixels
WHITE, DARK = (255, 255, 255), 24


def text_band(text: str, width: int) -> Image:
    """A line of light text on a dark band."""
    band = np.full((BAND, width, 3), DARK, np.uint8)
    cv2.putText(band, text, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.42, WHITE, 1, cv2.LINE_AA)
    return band

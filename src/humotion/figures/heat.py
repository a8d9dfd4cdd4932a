"""Draw maps as colours over pictures."""

from __future__ import annotations

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

from humotion.figures.overlay import Image

Floats = NDArray[np.floating]
HEAT = "magma"
GAP = 4  # pixels of the margin around a picture in a grid
_GROUND, _COLOUR = 0.35, 0.65  # weights of the picture and of the colours over it


def heat_over(image: Image, values: Floats) -> Image:
    """A square image, grey and darkened, with values (h, w) in 0..1 as colours over it."""
    heat = np.clip(resized(values, image.shape[0]), 0, 1)
    ground = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
    return np.clip(_GROUND * ground + _COLOUR * 255 * mpl.colormaps[HEAT](heat)[..., :3], 0, 255).astype(np.uint8)


def heat_colours() -> ListedColormap:
    """The colours of `heat_over` on middle grey, for a colour bar."""
    colours = mpl.colormaps[HEAT](np.linspace(0, 1, 256))[:, :3]
    return ListedColormap(_GROUND * 0.5 + _COLOUR * colours)


def resized(values: Floats, size: int) -> Floats:
    """A map (h, w) as large as a picture of ``size`` rows and columns; cells keep their places."""
    interpolation = cv2.INTER_AREA if size < values.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(values, np.float32), (size, size), interpolation=interpolation))


def enlarge_to(picture: Image, side: int) -> Image:
    """A square picture, ``side`` pixels wide."""
    interpolation = cv2.INTER_AREA if side < picture.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=interpolation), np.uint8)


def framed(picture: Image) -> Image:
    """A picture with a white margin."""
    return np.pad(picture, ((GAP, GAP), (GAP, GAP), (0, 0)), constant_values=255)

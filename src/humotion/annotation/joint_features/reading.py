"""Read a map of features at points of a picture, between the cells of the map.

A map (C, h, w) covers the picture evenly, so cell (i, j) stands for the point ((j + 0.5) / w, (i + 0.5) / h) of it::

        0        0.5         1       picture, from edge to edge
        |---.----|----.------|
            j=0       j=1            middles of the cells of a map with w = 2

At the middle of a cell the value is the cell's. In the outer halves of the outer cells it is the outer cell's. Outside
the picture there is none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

Floats = npt.NDArray[np.float32]


class Window(NamedTuple):
    """A part of a frame that fills a square picture: its left top corner and its sides, in pixels of the frame.

    Positions in a frame are from edge to edge: (0, 0) is the corner of the first pixel, (0.5, 0.5) its middle.
    """

    left: float
    top: float
    width: float
    height: float


def read_at(maps: Tensor, points: Floats) -> Floats:
    """Values (N, J, C) of maps (N, C, h, w) at points (N, J, 2), x and y from 0 to 1; NaN outside and at NaN."""
    inside = np.asarray(((points >= 0) & (points <= 1)).all(-1))  # NaN is not
    grid = torch.from_numpy(np.where(inside[..., None], points, 0.5) * 2 - 1)[:, None]  # (N, 1, J, 2)
    grid = grid.to(maps.dtype)
    found = F.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)  # (N, C, 1, J)
    values = found[:, :, 0].transpose(1, 2).numpy()
    return np.where(inside[..., None], values, np.float32(np.nan))


def in_window(points: Floats, window: Window) -> Floats:
    """Points (..., 2) in pixels of the frame, from edge to edge, as parts (0 to 1) of a window."""
    corner = np.array([window.left, window.top], np.float32)
    return np.asarray((points - corner) / np.array([window.width, window.height], np.float32), np.float32)

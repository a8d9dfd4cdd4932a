"""Where the cells of a map lie in the picture."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class Grid(NamedTuple):
    """The middle of cell i lies at ``stride * i + first`` pixels, in both directions."""

    stride: int
    first: float

    def middles(self, cells: int, device: torch.device | None = None) -> Tensor:
        """Positions (cells,) of the middles of cells in a row."""
        return torch.arange(cells, device=device, dtype=torch.float32) * self.stride + self.first

    def position(self, cells: npt.NDArray[Any]) -> Floats:
        """Pixels of cells, in any shape."""
        return (cells * self.stride + self.first).astype(np.float32)

    def between(self, points: Floats) -> Floats:
        """Cells of pixels, with fractions."""
        return (points - np.float32(self.first)) / np.float32(self.stride)

    def nearest(self, points: Floats, height: int, width: int) -> Ints:
        """The numbers (...) of the cells nearest to points (..., 2), y and x, counted along the rows of a map."""
        cells = np.rint(self.between(points)).astype(np.int64)
        return cells[..., 0].clip(0, height - 1) * width + cells[..., 1].clip(0, width - 1)


CORNERS = Grid(16, 0.0)
"""Of the published PoseNet: sides of 16 n + 1 pixels, with a cell on each corner."""


def centred(stride: int) -> Grid:
    """The grid of a network whose cells are squares of ``stride`` pixels."""
    return Grid(stride, (stride - 1) / 2)

"""Local maxima of heatmaps, more exactly than their cells, and maps read between cells."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class Peaks(NamedTuple):
    """N maxima of J maps, those of each map by falling score.

    Attributes:
        joint: (N,) the map of each.
        cells: (N, 2) x, y in cells, with cell centres at integers.
        scores: (N,) the value of the highest cell.
    """

    joint: Ints
    cells: Floats
    scores: Floats


def peaks(heat: Floats, least: float, most: int | None = None) -> Peaks:
    """Find the cells of maps (J, h, w) that are above ``least`` and not below any of their 8 neighbours.

    Of equal neighbours, the first one counts. A peak lies at the top of the parabola through it and its two neighbours,
    along each axis. At most the ``most`` highest of each map are returned.
    """
    layers = np.ascontiguousarray(heat.transpose(1, 2, 0))
    highest = cv2.dilate(layers, np.ones((3, 3), np.uint8)).reshape(layers.shape).transpose(2, 0, 1)
    joint, row, column = np.nonzero((heat >= highest) & (heat > least))
    joint, row, column = _first_of_equals(heat, joint, row, column)
    score = heat[joint, row, column]
    order = np.lexsort((-score, joint))
    joint, row, column, score = joint[order], row[order], column[order], score[order]
    if most is not None:
        kept = _rank(joint) < most
        joint, row, column, score = joint[kept], row[kept], column[kept], score[kept]
    x = column + _vertex(heat, joint, row, column, 0, 1)
    y = row + _vertex(heat, joint, row, column, 1, 0)
    return Peaks(joint, np.stack([x, y], axis=-1).astype(np.float32), score)


def _first_of_equals(heat: Floats, joint: Ints, row: Ints, column: Ints) -> tuple[Ints, Ints, Ints]:
    """Leave out a cell if one that comes before it, among its neighbours, is exactly as high."""
    padded = np.pad(heat, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    own = heat[joint, row, column]
    before = [padded[joint, row + dy, column + dx] == own for dy, dx in ((0, 0), (0, 1), (0, 2), (1, 0))]
    alone = ~np.any(before, axis=0)
    return joint[alone], row[alone], column[alone]


def _rank(joint: Ints) -> Ints:
    """The place of each peak among those of its map; ``joint`` is sorted."""
    starts = np.searchsorted(joint, joint, side="left")
    return np.arange(len(joint)) - starts


def _vertex(heat: Floats, joint: Ints, row: Ints, column: Ints, dy: int, dx: int) -> Floats:
    """Offset of the parabola's top from a peak along one axis, at most half a cell; 0 at the border."""
    height, width = heat.shape[1:]
    inside = (row >= dy) & (row < height - dy) & (column >= dx) & (column < width - dx)
    down, right = np.where(inside, dy, 0), np.where(inside, dx, 0)
    before, own, after = (heat[joint, row + step * down, column + step * right] for step in (-1, 0, 1))
    bend = 2 * own - before - after
    return np.where(bend > 0, (after - before) / np.where(bend > 0, 2 * bend, 1), 0).clip(-0.5, 0.5)


def read_between(maps: Floats, cells: Floats) -> Floats:
    """Read maps (C, h, w) at points (..., 2) x, y in cells, bilinearly, at the border as in the last cell: (C, ...)."""
    height, width = maps.shape[1:]
    x, y = cells[..., 0].clip(0, width - 1), cells[..., 1].clip(0, height - 1)
    left, top = np.minimum(x.astype(np.int64), max(width - 2, 0)), np.minimum(y.astype(np.int64), max(height - 2, 0))
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    u, v = (x - left).astype(np.float32), (y - top).astype(np.float32)
    upper = maps[:, top, left] * (1 - u) + maps[:, top, right] * u
    lower = maps[:, below, left] * (1 - u) + maps[:, below, right] * u
    return np.asarray(upper * (1 - v) + lower * v, np.float32)

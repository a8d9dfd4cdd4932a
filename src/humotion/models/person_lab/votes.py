"""Hough voting: each cell of a joint's disc votes for the place that its short offset leads to.

The votes of a whole disc meet at the joint, so a map of votes has sharp tops where a map of probabilities is flat:

    h(x) = 1 / (pi R^2)  sum over cells i  p(i) B(i + short(i) - x)        B: bilinear, one cell wide
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from humotion.models.person_lab.cells import Grid

Floats = npt.NDArray[np.float32]

VOTERS = 0.1
"""Probability of a cell that votes; the many others would change a top by little, and take most of the time."""


def votes(heat: Floats, short: Floats, grid: Grid, radius: float) -> Floats:
    """Return the votes (J, h, w) for each cell; 1 where all votes of a complete disc meet.

    Args:
        heat: (J, h, w) probabilities.
        short: (2, J, h, w) offsets y, x in pixels.
        grid: where the cells lie.
        radius: of the discs in pixels.
    """
    height, width = heat.shape[1:]
    some = np.flatnonzero(heat.ravel() > VOTERS)
    weight = heat.ravel()[some] * (grid.stride**2 / (np.pi * radius**2))
    layer, cell = np.divmod(some, height * width)
    row, column = np.divmod(cell, width)
    y, x = (start + short[axis].ravel()[some] / grid.stride for axis, start in enumerate((row, column)))
    top, left = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    places, values = [], []
    for dy in (0, 1):
        for dx in (0, 1):
            r, c = top + dy, left + dx
            inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
            share = (1 - np.abs(y - r)) * (1 - np.abs(x - c)) * weight
            places.append(((layer * height + r) * width + c)[inside])
            values.append(share[inside])
    total = np.bincount(np.concatenate(places), np.concatenate(values), heat.size)
    return total.reshape(heat.shape).astype(np.float32)

"""Whose is each cell of the person mask: that person's whose joints lie where the long offsets of the cell lead to."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.models.person_lab.cells import Grid

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


SEEN = 0.1
"""Probability of a joint that counts for a person's size."""


class Surfaces(NamedTuple):
    """What masks are made of: ``mask`` (h, w) probabilities, ``short`` and ``long`` (2, J, h, w) y, x in pixels."""

    mask: Floats
    short: Floats
    long: Floats


class Assignment(NamedTuple):
    """How cells find their person.

    Attributes:
        least: probability of a cell that somebody has.
        farthest: the mean distance between a person's joints and where a cell looks for them, as a share of the
            person's size, above which the cell is not the person's.
        refinements: how often the end of a long offset is moved by the long offset there, and then by the short one.
            An end that would move by the radius has come to another person, or to nobody, and stays.
        radius: pixels; also the least size of a person, of whom few joints may be seen.
    """

    least: float
    farthest: float
    refinements: int
    radius: float


def masks_of(surfaces: Surfaces, points: Floats, scores: Floats, grid: Grid, settings: Assignment) -> Bools:
    """Return the cells (N, h, w) of each of N people; no cell has two.

    Args:
        surfaces: the maps.
        points: (N, J, 2) y, x in pixels.
        scores: (N, J) probabilities of the joints: how much each counts.
        grid: where the cells lie.
        settings: thresholds.
    """
    shape = surfaces.mask.shape
    found = np.zeros((len(points), surfaces.mask.size), bool)
    cells = np.flatnonzero(surfaces.mask.ravel() > settings.least)
    if not len(points) or not len(cells):
        return found.reshape(-1, *shape)
    ends = _ends(surfaces, cells, grid, settings)  # (2, J, C)
    sizes = _sizes(points, scores, settings.radius)
    away = np.empty((len(points), len(cells)), np.float32)
    for one, (joints, weights) in enumerate(zip(points, scores, strict=True)):
        y, x = ends - joints.T[..., None]
        away[one] = weights @ np.sqrt(y * y + x * x) / (max(float(weights.sum()), 1e-6) * sizes[one])
    nearest = away.argmin(axis=0)
    kept = away[nearest, np.arange(len(cells))] < settings.farthest
    found[nearest[kept], cells[kept]] = True
    return found.reshape(-1, *shape)


def _sizes(points: Floats, scores: Floats, least: float) -> Floats:
    """The square root (N,) of the area of the box around each person's joints."""
    counts = (scores >= SEEN)[..., None]
    low, high = np.where(counts, points, np.inf).min(axis=1), np.where(counts, points, -np.inf).max(axis=1)
    return np.sqrt(np.maximum(high - low, 0).prod(axis=1)).clip(least)


def _ends(surfaces: Surfaces, cells: npt.NDArray[np.int64], grid: Grid, settings: Assignment) -> Floats:
    """Where cells (C,) look for each joint: (2, J, C) y, x in pixels. In between, the unit is cells: it is faster."""
    height, width = surfaces.mask.shape
    long, short = (maps.reshape(2, -1) for maps in (surfaces.long, surfaces.short))
    layers = np.arange(len(surfaces.long[0]), dtype=np.int64)[:, None] * (height * width)
    per_pixel, limit = np.float32(1 / grid.stride), np.float32((settings.radius / grid.stride) ** 2)

    def seen_from(offsets: Floats, row: npt.NDArray[Any], column: npt.NDArray[Any]) -> Floats:
        places = layers + (row * width + column).astype(np.int64)
        return np.stack([row, column]) + np.take(offsets, places, axis=1) * per_pixel

    rows, columns = np.divmod(cells, width)
    ends = seen_from(long, rows[None].astype(np.float32), columns[None].astype(np.float32))
    for offsets in (long, short):
        for _ in range(settings.refinements):
            nearest = np.rint(ends)
            row, column = nearest[0].clip(0, height - 1), nearest[1].clip(0, width - 1)
            better = seen_from(offsets, row, column)
            y, x = better - ends
            np.copyto(ends, better, where=y * y + x * x < limit)
    return grid.position(ends)

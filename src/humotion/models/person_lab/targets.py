"""What PersonLab's heads should say of a picture whose people are known.

Around each joint lies a disc. In it, the heatmap is 1, the short offset leads to the joint, and the mid offsets lead to
the neighbours in the tree. Where discs of one joint overlap, the nearest person has the cell.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.models.person_lab.decoding import Fields
from humotion.models.person_lab.tree import EDGES

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

RADIUS = 32.0
"""Pixels, as published."""


class Targets(NamedTuple):
    """``fields``, and where their offsets are known: masks (J, h, w), (E, h, w) and (E, h, w); elsewhere they are 0."""

    fields: Fields
    short: Bools
    forward: Bools
    backward: Bools


def targets(joints: Floats, known: Bools, height: int, width: int, stride: int = 16, radius: float = RADIUS) -> Targets:
    """Encode N people.

    Args:
        joints: (N, J, 2) x, y in pixels.
        known: (N, J); a joint that is not known has no disc, and no offset leads to it.
        height: cells.
        width: cells.
        stride: pixels per cell; the middle of cell (0, 0) is pixel (0, 0).
        radius: of the discs in pixels.
    """
    rows, columns = np.mgrid[:height, :width].astype(np.float32) * stride
    cells = np.stack([rows, columns])  # (2, h, w)
    ends = joints[..., ::-1].transpose(0, 2, 1)[..., None, None] - cells[None, :, None]  # (N, 2, J, h, w)
    away = np.where(known[..., None, None], np.hypot(ends[:, 0], ends[:, 1]), np.inf)  # (N, J, h, w)
    if not len(joints):
        away, ends = np.full((1, *away.shape[1:]), np.inf), np.zeros((1, *ends.shape[1:]))
        known = np.zeros((1, known.shape[1]), bool)
    owner = away.argmin(axis=0)  # (J, h, w)
    inside = away.min(axis=0) <= radius
    short = np.where(inside, _of(ends, owner, range(len(owner))), 0)
    parents, children = np.array(EDGES).T
    forward, has_child = _to(ends, known, owner[parents], inside[parents], children)
    backward, has_parent = _to(ends, known, owner[children], inside[children], parents)
    heat = inside.astype(np.float32)
    return Targets(
        Fields(heat, *(one.astype(np.float32) for one in (short, forward, backward))), inside, has_child, has_parent
    )


def _of(ends: Floats, owner: npt.NDArray[np.intp], to: range | npt.NDArray[np.intp]) -> Floats:
    """Offsets (2, K, h, w) from each cell to joint ``to[k]`` of the person ``owner[k]`` (K, h, w) of the cell."""
    chosen = ends.transpose(0, 2, 1, 3, 4)[:, list(to)]  # (N, K, 2, h, w)
    return np.take_along_axis(chosen, owner[None, :, None], axis=0)[0].transpose(1, 0, 2, 3)


def _to(
    ends: Floats, known: Bools, owner: npt.NDArray[np.intp], inside: Bools, to: npt.NDArray[np.intp]
) -> tuple[Floats, Bools]:
    """Mid offsets (2, E, h, w) in the discs of one end of each edge to the other end, and where they are known."""
    has = inside & known[owner, to[:, None, None]]
    return np.where(has, _of(ends, owner, to), 0), has

"""The graph of a joint set: which joints its bones connect, and which way is inward.

Joint sets name their bones without a direction. Inward is towards the centre of the body: the joints whose distance to
the farthest joint is smallest. Mirroring a person maps the centre to itself, so it maps the graph to itself too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from humotion.errors import HumotionError

Floats = npt.NDArray[np.float32]

COCO_BONES = (
    *((1, 0), (2, 0), (3, 1), (4, 2), (0, 5), (0, 6), (5, 6), (7, 5), (8, 6), (9, 7), (10, 8)),
    *((11, 5), (12, 6), (11, 12), (13, 11), (14, 12), (15, 13), (16, 14)),
)
"""Bones of the 17 joints of COCO, with both ears."""


def distances(num_joints: int, edges: Sequence[Sequence[int]]) -> Floats:
    """Number of bones (J, J) between joints, infinite if they are not connected.

    Raises:
        HumotionError: an edge names a joint that does not exist.
    """
    if any(not 0 <= joint < num_joints for edge in edges for joint in edge):
        raise HumotionError(f"The joint set has {num_joints} joints, but its bones are {list(map(list, edges))}.")
    apart = np.full((num_joints, num_joints), np.inf, np.float32)
    np.fill_diagonal(apart, 0)
    for one, other in edges:
        apart[one, other] = apart[other, one] = min(apart[one, other], 1)
    for via in range(num_joints):  # Floyd and Warshall
        apart = np.minimum(apart, apart[:, via : via + 1] + apart[via : via + 1])
    return apart


def depths(num_joints: int, edges: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
    """Distance (J,) of each joint from the centre of the part of the body that it is connected with."""
    apart = distances(num_joints, edges)
    connected = np.isfinite(apart)
    farthest = np.where(connected, apart, 0).max(axis=1)  # (J,)
    found = np.empty(num_joints, np.float32)
    for joint in range(num_joints):
        part = np.flatnonzero(connected[joint])
        centre = part[farthest[part] == farthest[part].min()]
        found[joint] = apart[joint, centre].min()
    return found


def adjacency(num_joints: int, edges: Sequence[Sequence[int]]) -> Floats:
    """Matrices (3, J, J) of each joint with itself, inward and outward; the columns of a matrix have the sum 1 or 0.

    A bone between joints of the same depth counts in both directions.
    """
    depth = depths(num_joints, edges)
    inward, outward = np.zeros((2, num_joints, num_joints), np.float32)
    for pair in edges:
        for joint, other in (tuple(pair), tuple(pair)[::-1]):
            if depth[other] <= depth[joint]:
                inward[other, joint] = outward[joint, other] = 1
    matrices = np.stack([np.eye(num_joints, dtype=np.float32), inward, outward])
    return matrices / matrices.sum(axis=1, keepdims=True).clip(min=1)

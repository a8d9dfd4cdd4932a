"""How alike two poses are: the object keypoint similarity (OKS) of COCO, between poses that both are predictions.

Each joint counts by how precisely people label it. The deviations are those of COCO, by the name of the joint.
Source: M. R. Ronchi and P. Perona, "Benchmarking and Error Diagnosis in Multi-Instance Pose Estimation", 2017.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_DEVIATIONS = {
    **{"nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072},
    **{"wrist": 0.062, "hip": 0.107, "knee": 0.087, "ankle": 0.089},
}
_OTHERS = 0.079  # of joints that COCO does not have, such as a neck


def deviations(joints: Sequence[str]) -> Floats:
    """The deviation (J,) of each joint's labels, as a share of a person's size (the root of the area)."""
    return np.array([_DEVIATIONS.get(name[2:] if name[:2] in ("l_", "r_") else name, _OTHERS) for name in joints])


def similarities(mine: Floats, others: Floats, weights: Floats, areas: Floats, sigmas: Floats) -> Floats:
    """OKS (N, M), from 0 to 1, of N poses with M others.

    Args:
        mine: (N, J, 2) in pixels.
        others: (M, J, 2).
        weights: (N, M, J) of each joint; a pair without any weight has similarity 0.
        areas: (N, M) in pixels.
        sigmas: see `deviations`.
    """
    apart = ((mine[:, None] - others[None]) ** 2).sum(-1)  # (N, M, J)
    alike = np.exp(-apart / (2 * (areas[..., None] + 1) * (2 * sigmas) ** 2))
    total = weights.sum(-1)
    return np.where(total > 0, (alike * weights).sum(-1) / np.where(total > 0, total, 1), 0.0)


def areas_of(boxes: Floats) -> Floats:
    """Areas (N,) of boxes (N, 4) x0 y0 x1 y1, which the joints fill to about a half."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1)
    return 0.53 * sides.prod(axis=1)  # as CrowdPose estimates the area of a person from the box

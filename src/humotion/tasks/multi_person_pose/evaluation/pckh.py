"""PCKh: the share of joints that lie near their label, measured by the size of the head (Andriluka et al., CVPR 2014).

A joint is right if it is within half of the head size, which is 0.6 of the diagonal of the head's box. Each labelled
person is given to the method, so this is a score of poses, not of finding people.

Two means stand in publications. MPII's own, and that of most tables, is weighted: the share of all labelled joints that
are right. Others take the plain mean of the joints' shares. Both leave out pelvis and thorax.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from humotion.store.skeleton import Skeleton

Floats = npt.NDArray[np.float64]

NOT_SCORED = ("pelvis", "thorax")
_GROUPS = ("head_top", "upper_neck", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")


@dataclass(frozen=True)
class PCKh:
    """Shares from 0 to 1, NaN where nothing is labelled.

    Attributes:
        weighted: of all labelled joints, the official mean.
        plain: the mean of the joints' shares.
        joints: by joint.
        groups: left and right together, weighted; ``head`` is head top and upper neck, as in MPII's table.
        num_joints: labelled joints that are counted.
    """

    weighted: float
    plain: float
    joints: Mapping[str, float]
    groups: Mapping[str, float]
    num_joints: int


def head_sizes(corners: npt.ArrayLike) -> Floats:
    """The head sizes (N,) of head boxes (N, 4): x1, y1, x2, y2 in pixels."""
    boxes = np.asarray(corners, float)
    return np.asarray(0.6 * np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]))


def pckh(
    found: Floats,
    labels: Floats,
    labelled: npt.NDArray[np.bool_],
    head: Floats,
    skeleton: Skeleton,
    threshold: float = 0.5,
    not_scored: tuple[str, ...] = NOT_SCORED,
) -> PCKh:
    """The scores of poses.

    Args:
        found: (N, J, 2) joints of the method, one pose per labelled person. A joint that is NaN is wrong.
        labels: (N, J, 2) in the same pixels.
        labelled: (N, J) which joints have a label.
        head: (N,) head sizes in pixels, see `head_sizes`. In the layer ``labels`` of MPII they are ``head_size``.
        skeleton: the joint set.
        threshold: the share of the head size within which a joint is right.
        not_scored: joints that do not count.

    Raises:
        ValueError: shapes differ, or a head size of a person with labels is not positive.
    """
    if not found.shape == labels.shape == (*labelled.shape, 2) or len(head) != len(found):
        raise ValueError(f"shapes differ: {found.shape}, {labels.shape}, {labelled.shape}, {head.shape}")
    if not (head[labelled.any(axis=1)] > 0).all():
        raise ValueError("the head size of a person is not positive")
    counts = labelled & ~np.isin(skeleton.joints, not_scored)  # (N, J)
    distance = np.linalg.norm(found - labels, axis=2)
    right = counts & (distance <= threshold * head[:, None])  # NaN is not near
    num_right, number = right.sum(axis=0), counts.sum(axis=0)
    shares = np.where(number > 0, num_right / np.maximum(number, 1), np.nan)
    scored = shares[~np.isnan(shares)]
    groups = {}
    for name in _GROUPS:
        members = [place for place, joint in enumerate(skeleton.joints) if joint in (name, f"l_{name}", f"r_{name}")]
        groups[name] = _share(num_right[members], number[members])
    neck = [skeleton.joints.index(name) for name in ("head_top", "upper_neck") if name in skeleton.joints]
    groups = {"head": _share(num_right[neck], number[neck])} | groups
    return PCKh(
        weighted=_share(num_right, number),
        plain=float(scored.mean()) if len(scored) else float("nan"),
        joints=dict(zip(skeleton.joints, shares.tolist(), strict=True)),
        groups={name: share for name, share in groups.items() if not np.isnan(share)},
        num_joints=int(number.sum()),
    )


def _share(right: npt.NDArray[np.int64], number: npt.NDArray[np.int64]) -> float:
    return float(right.sum() / number.sum()) if number.sum() else float("nan")

"""When a joint counts, and when it counts as found.

A joint is found when it lies within ``threshold * length`` of its label. The length is the longer side of the
labelled person box of the same frame (the published figures of LSTM Pose Machines; official repository,
testing/src), or the torso, the distance of two labelled joints: shorter, so stricter.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

THRESHOLDS = (0.2, 0.1, 0.05)
SHORTEST_TORSO = 1.0  # pixels; below it the official code distrusts a torso too

Subset = Literal["visible", "labelled", "occluded"]


def counted_joints(visibility: Tensor, subset: Subset) -> Tensor:
    """Which joints count, bool (..., J): COCO flag 2 for ``visible``, 1 for ``occluded``, either for ``labelled``."""
    if subset not in get_args(Subset):
        raise ValueError(f"the joints to count are one of {get_args(Subset)}, not {subset!r}")
    if subset == "labelled":
        return visibility > 0
    return visibility == (2 if subset == "visible" else 1)


def box_sides(box: Tensor) -> Tensor:
    """The longer side (...) of boxes x1 y1 x2 y2 (..., 4), in pixels; 0 where a box has no area."""
    width, height = (box[..., 2:] - box[..., :2]).unbind(-1)
    has_area = (width > 0) & (height > 0)
    return torch.where(has_area, torch.maximum(width, height), 0.0)


def torso_lengths(target: Tensor, visibility: Tensor, torso: tuple[int, int]) -> Tensor:
    """The length (...) of the labelled torso in pixels, NaN where it is not known.

    It is not known where one of its two joints has no label, or where it is shorter than a pixel. The official
    code then measures the predicted torso, which rewards a wrong one; here such a frame does not count.

    Args:
        target: (..., J, 2) labelled joints in pixels.
        visibility: (..., J) COCO flags.
        torso: the two joints.
    """
    a, b = torso
    length = torch.linalg.vector_norm(target[..., a, :] - target[..., b, :], dim=-1)
    known = (visibility[..., a] > 0) & (visibility[..., b] > 0) & (length >= SHORTEST_TORSO)
    return length.where(known, torch.nan)


def joint_hits(pred: Tensor, target: Tensor, length: Tensor, threshold: float) -> Tensor:
    """Which joints are found, bool (..., J), whether or not they count.

    A prediction that is not finite is a miss, and so is every joint where ``length`` is 0 or NaN.

    Args:
        pred: (..., J, 2) x, y in pixels.
        target: (..., J, 2), the same.
        length: (...) what distances are measured by, of each frame, in pixels.
        threshold: the largest distance that hits, as a fraction of ``length``.
    """
    distance = torch.linalg.vector_norm(pred - target, dim=-1)  # (..., J)
    return (distance <= threshold * length[..., None]) & (length > 0)[..., None]

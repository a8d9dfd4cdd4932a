"""Which joints count, and which of them are found.

A joint is found if its distance to its label is at most ``threshold * length``. The length is the longer side of the
labelled person box of the same frame (as in the published results of LSTM Pose Machines; official repository,
testing/src). Or it is the torso, the distance between two labelled joints, which is shorter and so stricter.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

THRESHOLDS = (0.2, 0.1, 0.05)
SHORTEST_TORSO = 1.0  # pixels; the official code does not trust a shorter torso either

Subset = Literal["visible", "labelled", "occluded"]


def counted_joints(visibility: Tensor, subset: Subset) -> Tensor:
    """Which joints count, bool (..., J): COCO flag 2 for ``visible``, 1 for ``occluded``, either for ``labelled``."""
    if subset not in get_args(Subset):
        raise ValueError(f"the joints to count are one of {get_args(Subset)}, not {subset!r}")
    if subset == "labelled":
        return visibility > 0
    return visibility == (2 if subset == "visible" else 1)


def box_sides(box: Tensor) -> Tensor:
    """The longer side (...) of boxes x1 y1 x2 y2 (..., 4), in pixels; 0 for a box without area."""
    width, height = (box[..., 2:] - box[..., :2]).unbind(-1)
    has_area = (width > 0) & (height > 0)
    return torch.where(has_area, torch.maximum(width, height), 0.0)


def torso_lengths(target: Tensor, visibility: Tensor, torso: tuple[int, int]) -> Tensor:
    """The length (...) of the labelled torso in pixels, NaN if it is not known.

    It is not known if one of its two joints has no label, or if it is shorter than a pixel. The official code then
    uses the predicted torso, which rewards a wrong prediction; here such a frame does not count.

    Args:
        target: (..., J, 2) labelled joints in pixels.
        visibility: (..., J) COCO flags.
        torso: indices of the two joints.
    """
    a, b = torso
    length = torch.linalg.vector_norm(target[..., a, :] - target[..., b, :], dim=-1)
    known = (visibility[..., a] > 0) & (visibility[..., b] > 0) & (length >= SHORTEST_TORSO)
    return length.where(known, torch.nan)


def joint_hits(pred: Tensor, target: Tensor, length: Tensor, threshold: float) -> Tensor:
    """Which joints are found, bool (..., J), including joints that do not count.

    A prediction that is not finite is a miss. If ``length`` is 0 or NaN, every joint of the frame is a miss.

    Args:
        pred: (..., J, 2) x, y in pixels.
        target: (..., J, 2) x, y in pixels.
        length: (...) reference length of each frame, in pixels.
        threshold: the largest distance of a hit, as a fraction of ``length``.
    """
    distance = torch.linalg.vector_norm(pred - target, dim=-1)  # (..., J)
    return (distance <= threshold * length[..., None]) & (length > 0)[..., None]

"""Pose scores as the official code of LSTM Pose Machines counts them: PCK, and jitter over time.

A joint is a hit when it lies within ``threshold * max(width, height)`` of its label, where width and
height are those of the labelled person box of the same frame (official repository, testing/src).
Penn Action scores the joints labelled visible, JHMDB every labelled joint. A box without area makes
every joint of its frame a miss, as there; a prediction that is not finite is a miss too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torchmetrics import Metric

THRESHOLDS = (0.2, 0.1, 0.05)

ScoredJoints = Literal["visible", "labelled"]


def scored_joints(visibility: Tensor, scored: ScoredJoints) -> Tensor:
    """Which joints count, bool (..., J): COCO flag 2 for ``visible``, above 0 for ``labelled``."""
    if scored not in ("visible", "labelled"):
        raise ValueError(f"scored must be 'visible' or 'labelled', not {scored!r}")
    return visibility == 2 if scored == "visible" else visibility > 0


def box_sides(box: Tensor) -> Tensor:
    """The longer side (...) of boxes x1 y1 x2 y2 (..., 4), in pixels; 0 where a box has no area."""
    width, height = (box[..., 2:] - box[..., :2]).unbind(-1)
    has_area = (width > 0) & (height > 0)
    return torch.where(has_area, torch.maximum(width, height), 0.0)


def joint_hits(pred: Tensor, target: Tensor, box: Tensor, threshold: float) -> Tensor:
    """Which joints are found, bool (..., J), whether or not they count.

    Args:
        pred: (..., J, 2) x, y in pixels of the stored frame.
        target: (..., J, 2), the same.
        box: (..., 4) x1 y1 x2 y2, the labelled box of the person in each frame.
        threshold: the largest distance that hits, as a fraction of the longer side of the box.
    """
    side = box_sides(box)[..., None]  # (..., 1)
    distance = torch.linalg.vector_norm(pred - target, dim=-1)  # (..., J)
    return (distance <= threshold * side) & (side > 0)


class PCK(Metric):
    """Percentage of correct keypoints, as fractions in [0, 1], pooled over every frame seen.

    `compute` gives, for each threshold t: ``pck_t``, hits over joints of all frames ("overall", the
    published Penn Action number); ``pck_t_joint_mean``, the unweighted mean over joints (published JHMDB
    numbers are means over groups of joints); and ``pck_t_by_joint`` (J,), NaN where a joint never counts.
    """

    full_state_update = False
    higher_is_better = True
    hits: Tensor
    counts: Tensor

    def __init__(
        self,
        num_joints: int,
        scored: ScoredJoints = "visible",
        thresholds: Sequence[float] = THRESHOLDS,
        **kwargs: Any,
    ) -> None:
        """Say how many joints there are and which of them count."""
        super().__init__(**kwargs)
        self.scored = scored
        self.thresholds = tuple(thresholds)
        zeros = torch.zeros(len(self.thresholds), num_joints, dtype=torch.int64)
        self.add_state("hits", default=zeros, dist_reduce_fx="sum")
        self.add_state("counts", default=torch.zeros(num_joints, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, pred: Tensor, target: Tensor, visibility: Tensor, box: Tensor) -> None:
        """Add frames; padding must be left out, or carry visibility 0.

        Args:
            pred: (N, J, 2), or with more leading axes, in pixels of the stored frame.
            target: as ``pred``; the values of joints that do not count are ignored.
            visibility: (N, J) COCO flags.
            box: (N, 4) x1 y1 x2 y2, the person's box in each frame.
        """
        counted = scored_joints(visibility, self.scored)  # (..., J)
        self.counts += counted.flatten(0, -2).sum(0)
        for row, threshold in enumerate(self.thresholds):
            hit = joint_hits(pred, target, box, threshold) & counted
            self.hits[row] += hit.flatten(0, -2).sum(0)

    def compute(self) -> dict[str, Tensor]:
        """The scores by name; NaN when no joint counted at all."""
        scores: dict[str, Tensor] = {}
        for hits, threshold in zip(self.hits, self.thresholds, strict=True):
            name = f"pck_{threshold:g}"
            by_joint = hits / self.counts  # (J,)
            scores[name] = hits.sum() / self.counts.sum()
            scores[f"{name}_joint_mean"] = by_joint.nanmean()
            scores[f"{name}_by_joint"] = by_joint
        return scores


def acceleration_errors(pred: Tensor, target: Tensor, visibility: Tensor, box: Tensor) -> Tensor:
    """How much the prediction shakes: one error a joint and frame, (K,), in box sides per frame squared.

    The second difference in time of prediction minus label, over the longer box side of the middle
    frame. Only joints visible in three consecutive frames count, and only boxes with an area. A constant
    offset or drift costs nothing. The measure is the acceleration error of Kanazawa et al. 2019
    (Learning 3D Human Dynamics from Video), in the image and relative to the box.

    Args:
        pred: (T, J, 2), one clip of consecutive frames.
        target: (T, J, 2).
        visibility: (T, J) COCO flags.
        box: (T, 4).
    """
    visible = visibility == 2
    offset = (pred - target).where(visible[..., None], 0.0)
    acceleration = offset[2:] - 2 * offset[1:-1] + offset[:-2]  # (T-2, J, 2)
    side = box_sides(box)[1:-1, None]  # (T-2, 1)
    counted = visible[2:] & visible[1:-1] & visible[:-2] & (side > 0)
    return (torch.linalg.vector_norm(acceleration, dim=-1) / side)[counted]


def score_clip(
    pred: Tensor,
    target: Tensor,
    visibility: Tensor,
    box: Tensor,
    scored: ScoredJoints = "visible",
    thresholds: Sequence[float] = THRESHOLDS,
) -> dict[str, float]:
    """Scores of one clip (shapes as in `acceleration_errors`): a row of the table for the bootstrap.

    ``pck_<t>`` weighted by ``num_joints`` over clips gives the pooled score, and ``jitter`` weighted by
    ``num_accelerations`` the pooled jitter. A score of nothing is NaN and has weight 0.
    """
    counted = scored_joints(visibility, scored)
    row: dict[str, float] = {"num_frames": len(pred), "num_joints": int(counted.sum())}
    for threshold in thresholds:
        hits = joint_hits(pred, target, box, threshold)[counted]
        row[f"pck_{threshold:g}"] = hits.float().mean().item()
    errors = acceleration_errors(pred, target, visibility, box)
    return row | {"jitter": errors.mean().item(), "num_accelerations": len(errors)}

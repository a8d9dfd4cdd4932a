"""PCK, the percentage of correct keypoints, by box or by torso, of visible, labelled or occluded joints.

Published scores of the same name may be different means, so every name here contains its kind of mean. For PCK by
box, a box without area makes every joint of its frame a miss, as in the official code of LSTM Pose Machines. For PCK
by torso, a frame without a labelled torso does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from humotion.poses.hits import THRESHOLDS, Subset, box_sides, counted_joints, joint_hits, torso_lengths


class PCK(Metric):
    """Shares of joints found, as fractions in [0, 1], over every frame seen.

    `compute` returns, for each threshold t (for example 0.2):

    - ``pck_t``: pooled, hits of all joints and frames over their number (published for Penn Action);
    - ``pck_t_joint_mean``: the unweighted mean of the joints' shares;
    - ``pck_t_group_mean``: the unweighted mean over ``groups`` of their joints' mean (published for JHMDB), if
      there are groups;
    - ``pck_t_by_joint`` (J,), NaN for a joint that never counts.

    Args:
        num_joints: J.
        subset: the joints that count.
        thresholds: fractions of the reference length.
        torso: the two joints whose distance is the reference length; None for the longer side of the box.
        groups: joints that share a column of published tables (see `Skeleton.groups`).
        name: prefix of the scores' names.
    """

    full_state_update = False
    higher_is_better = True
    hits: Tensor
    counts: Tensor

    def __init__(
        self,
        num_joints: int,
        subset: Subset = "visible",
        thresholds: Sequence[float] = THRESHOLDS,
        torso: tuple[int, int] | None = None,
        groups: Sequence[Sequence[int]] = (),
        name: str = "pck",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.subset, self.torso = subset, torso
        self.thresholds, self.groups = tuple(thresholds), tuple(groups)
        self.names = tuple(f"{name}_{threshold:g}" for threshold in self.thresholds)
        zeros = torch.zeros(len(self.thresholds), num_joints, dtype=torch.int64)
        self.add_state("hits", default=zeros, dist_reduce_fx="sum")
        self.add_state("counts", default=torch.zeros(num_joints, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, pred: Tensor, target: Tensor, visibility: Tensor, box: Tensor) -> None:
        """Add frames; padding must be left out, or have visibility 0.

        Args:
            pred: (N, J, 2), or with more leading axes, in pixels of the stored frame.
            target: like ``pred``; the values of joints that do not count are ignored.
            visibility: (N, J) COCO flags.
            box: (N, 4) x1 y1 x2 y2, the person's box in each frame.
        """
        counted = counted_joints(visibility, self.subset)  # (..., J)
        length = box_sides(box)
        if self.torso is not None:
            length = torso_lengths(target, visibility, self.torso)
            counted &= length.isfinite()[..., None]
        self.counts += counted.flatten(0, -2).sum(0)
        for row, threshold in enumerate(self.thresholds):
            hit = joint_hits(pred, target, length, threshold) & counted
            self.hits[row] += hit.flatten(0, -2).sum(0)

    def compute(self) -> dict[str, Tensor]:
        """Return the scores by name, NaN if no joint counted."""
        scores: dict[str, Tensor] = {}
        for hits, name in zip(self.hits, self.names, strict=True):
            by_joint = hits / self.counts  # (J,)
            scores[name] = hits.sum() / self.counts.sum()
            scores[f"{name}_joint_mean"] = by_joint.nanmean()
            if self.groups:
                columns = [by_joint[list(group)].nanmean() for group in self.groups]
                scores[f"{name}_group_mean"] = torch.stack(columns).nanmean()
            scores[f"{name}_by_joint"] = by_joint
        return scores

    def pooled(self) -> dict[str, tuple[float, int]]:
        """Return every pooled score with its number of joints, the weight with which clips' scores are averaged."""
        total = int(self.counts.sum())
        return {
            name: (float(hits.sum()) / total if total else float("nan"), total)
            for hits, name in zip(self.hits, self.names, strict=True)
        }

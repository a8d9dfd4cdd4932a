"""PCK, the percentage of correct keypoints, by box or by torso, of visible, labelled or occluded joints.

Two scores of one name may be different means, so every name here says which it is. By box, a box without area
makes every joint of its frame a miss, as in the official code of LSTM Pose Machines; by torso, a frame whose
torso is not labelled does not count.
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

    `compute` gives, for each threshold t (0.2, say):

    - ``pck_t``: pooled, hits of all joints and frames over their number (published for Penn Action);
    - ``pck_t_joint_mean``: the unweighted mean of the joints' shares;
    - ``pck_t_group_mean``: the unweighted mean over ``groups`` of their joints' mean (published for JHMDB), where
      there are groups;
    - ``pck_t_by_joint`` (J,), NaN where a joint never counts.

    Args:
        num_joints: J.
        subset: the joints that count.
        thresholds: shares of the length that distances are measured by.
        torso: the joints of the torso, which then is that length; None for the longer side of the box.
        groups: joints that share a column of published tables (see `Skeleton.groups`).
        name: what the scores' names begin with.
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
        """Add frames; padding must be left out, or carry visibility 0.

        Args:
            pred: (N, J, 2), or with more leading axes, in pixels of the stored frame.
            target: as ``pred``; the values of joints that do not count are ignored.
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
        """The scores by name; NaN when no joint counted at all."""
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
        """Every pooled score and how many joints it is over: means of clips weighted so are the pooled score."""
        total = int(self.counts.sum())
        return {
            name: (float(hits.sum()) / total if total else float("nan"), total)
            for hits, name in zip(self.hits, self.names, strict=True)
        }

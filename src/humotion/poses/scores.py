"""All scores of a set of joints: of a complete split, or of one clip."""

from __future__ import annotations

from torch import Tensor

from humotion.poses.jitter import Jitter
from humotion.poses.pck import PCK
from humotion.store.skeleton import Skeleton


class PoseScores:
    """PCK by box and by torso, PCK of occluded joints, and jitter, of the joints that a dataset scores.

    Names start with ``pck`` (by box), ``pck_torso`` or ``pck_occluded`` (by box, joints labelled but not visible).
    """

    def __init__(self, skeleton: Skeleton) -> None:
        num_joints, groups = len(skeleton.joints), [members for _, members in skeleton.groups]
        self.box = PCK(num_joints, skeleton.scored, groups=groups)
        self.torso = PCK(num_joints, skeleton.scored, torso=skeleton.torso, groups=groups, name="pck_torso")
        self.occluded = PCK(num_joints, "occluded", name="pck_occluded")
        self.jitter = Jitter()

    def update(self, pred: Tensor, target: Tensor, visibility: Tensor, box: Tensor) -> None:
        """Add one clip of consecutive frames: (T, J, 2), (T, J, 2), (T, J) and (T, 4) in pixels of the frame."""
        for metric in (self.box, self.torso, self.occluded, self.jitter):
            metric.update(pred, target, visibility, box)

    def compute(self) -> dict[str, float]:
        """Return all scalar scores by name; those of occluded joints only if there are any."""
        metrics = [self.box, self.torso, *([self.occluded] if self.occluded.counts.any() else []), self.jitter]
        return {name: float(value) for metric in metrics for name, value in metric.compute().items() if value.ndim == 0}

    def pooled(self) -> dict[str, tuple[float, int]]:
        """Return every score that is a mean over joints or accelerations, with their number, to compare clips."""
        return self.box.pooled() | self.torso.pooled() | self.occluded.pooled() | self.jitter.pooled()


def score_clip(
    skeleton: Skeleton, pred: Tensor, target: Tensor, visibility: Tensor, box: Tensor
) -> dict[str, tuple[float, int]]:
    """Scores of one clip and their weights (see `PoseScores`); a score without data is NaN and has weight 0.

    The weighted mean of the clips' scores is the score of all clips together.
    """
    scores = PoseScores(skeleton)
    scores.update(pred, target, visibility, box)
    return scores.pooled()

"""How much joints shake over time: their acceleration, and its error compared with the labels.

The acceleration is the second difference in time. Its unit is the longer side of the labelled box of the middle
frame, so that near and far people count equally. The error is the acceleration error of Kanazawa et al. 2019
(Learning 3D Human Dynamics from Video), in the image: the acceleration of prediction minus label. A constant offset
or drift does not increase it. Labels shake too, and the error of a prediction that does not move is the acceleration
of the labels. So the three values should be read together.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from humotion.poses.hits import box_sides, counted_joints


class Jitter(Metric):
    """Mean acceleration error and mean accelerations, in box sides per frame squared, over all clips seen.

    `compute` returns ``jitter``, the acceleration error; ``acceleration``, that of the predicted joints; and
    ``acceleration_labels``. Only joints that are visible in three consecutive frames count, and only boxes with an
    area. Without any, the values are NaN.
    """

    full_state_update = False
    higher_is_better = False
    names = ("jitter", "acceleration", "acceleration_labels")
    sums: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("sums", default=torch.zeros(len(self.names)), dist_reduce_fx="sum")
        self.add_state("count", default=torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, pred: Tensor, target: Tensor, visibility: Tensor, box: Tensor) -> None:
        """Add a clip of consecutive frames, or a batch of them.

        Args:
            pred: (..., T, J, 2) in pixels of the stored frame.
            target: like ``pred``; the values of joints that are not visible are ignored.
            visibility: (..., T, J) COCO flags.
            box: (..., T, 4) x1 y1 x2 y2.
        """
        visible = counted_joints(visibility, "visible")
        side = box_sides(box)[..., 1:-1, None]  # (..., T-2, 1)
        counted = visible[..., 2:, :] & visible[..., 1:-1, :] & visible[..., :-2, :] & (side > 0)
        known = target.where(visible[..., None], 0.0)  # an absent joint may be NaN
        for index, joints in enumerate((pred - known, pred, known)):
            self.sums[index] += (accelerations(joints) / side)[counted].sum()
        self.count += counted.sum()

    def compute(self) -> dict[str, Tensor]:
        """The three means by name."""
        return dict(zip(self.names, self.sums / self.count, strict=True))

    def pooled(self) -> dict[str, tuple[float, int]]:
        """Return every score, and the number of accelerations in its mean."""
        return {name: (value.item(), int(self.count)) for name, value in self.compute().items()}


def accelerations(joints: Tensor) -> Tensor:
    """Length (..., T-2, J) of the second difference in time of joints (..., T, J, 2); empty below three frames."""
    after, here, before = joints[..., 2:, :, :], joints[..., 1:-1, :, :], joints[..., :-2, :, :]
    return torch.linalg.vector_norm(after - 2 * here + before, dim=-1)

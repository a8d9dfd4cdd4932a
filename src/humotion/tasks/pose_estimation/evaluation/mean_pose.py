"""The mean pose: the score of a pose estimator that does not use the image.

The training set's mean position of each joint, relative to the person's box, is placed into the box of every test
frame. A model with no better score has learnt nothing more than the labelled box.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from humotion.errors import HumotionError

BOX_CENTRE = 0.5


def fit_mean_pose(
    joints: NDArray[np.float32], visibility: NDArray[np.uint8], boxes: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Mean joints (J, 2) in box coordinates, (x - x1) / width and (y - y1) / height, over visible joints.

    A joint that is never visible is put at the centre of the box. Boxes without area are left out.

    Args:
        joints: (N, J, 2) all frames of the training split, in pixels.
        visibility: (N, J) COCO flags; only 2 counts.
        boxes: (N, 4) x1 y1 x2 y2.

    Raises:
        HumotionError: no frame has a box with an area.
    """
    size = boxes[:, 2:] - boxes[:, :2]  # (N, 2)
    has_area = (size > 0).all(axis=1)
    if not has_area.any():
        raise HumotionError(
            "The mean pose needs labelled boxes, but no training frame has a box with an area. "
            "Check the labels in prepared/<dataset>/frames."
        )
    relative = (joints[has_area] - boxes[has_area, None, :2]) / size[has_area, None]  # (N', J, 2)
    visible = np.broadcast_to((visibility[has_area] == 2)[..., None], relative.shape)
    total = np.where(visible, relative, 0.0).sum(axis=0, dtype=np.float64)
    count = visible.sum(axis=0)
    mean = np.where(count > 0, total / np.maximum(count, 1), BOX_CENTRE)
    return mean.astype(np.float32)


def mean_pose_notes(visibility: NDArray[np.uint8], boxes: NDArray[np.float32], joint_names: Sequence[str]) -> list[str]:
    """Sentences on what `fit_mean_pose` leaves out or assumes, for the report; its arguments, and the joints' names."""
    notes = []
    has_area = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if number := int((~has_area).sum()):
        notes.append(f"The mean pose is without {number:,} of {len(boxes):,} training frames, whose box is empty.")
    is_seen = (visibility[has_area] == 2).any(axis=0)
    never = ", ".join(name for name, seen in zip(joint_names, is_seen, strict=True) if not seen)
    if never:
        notes.append(f"Never visible in training, so at the centre of the mean pose's box: {never}.")
    return notes


def place_mean_pose(mean_pose: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale the mean pose (J, 2) to every box (N, 4), and return joints (N, J, 2) in pixels."""
    size = boxes[:, 2:] - boxes[:, :2]
    return (boxes[:, None, :2] + mean_pose[None] * size[:, None]).astype(np.float32)

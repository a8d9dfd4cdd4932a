"""The baseline: the mean pose of the training images, in the true box of every person. It sees no picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from humotion.tasks.multi_person_pose.training.joint_sets import sigmas_of
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.truth import Truth

Floats = npt.NDArray[np.float64]


def mean_pose(truth: Truth) -> Floats:
    """Return the mean joints (J, 2) of labelled people, relative to the corner and size of their boxes."""
    num_joints = len(sigmas_of(truth.joint_set))
    keypoints = np.array([one["keypoints"] for one in truth.annotations], float).reshape(-1, num_joints, 3)
    boxes = np.array([one["bbox"] for one in truth.annotations], float).reshape(-1, 4)
    known = (keypoints[..., 2] > 0) & (boxes[:, None, 2:] > 0).all(axis=-1)
    places = (keypoints[..., :2] - boxes[:, None, :2]) / np.maximum(boxes[:, None, 2:], 1e-9)
    total = np.where(known[..., None], places, 0).sum(axis=0)
    count = known.sum(axis=0)[:, None]
    return np.where(count > 0, total / np.maximum(count, 1), 0.5)


def placed(pose: Floats, truth: Truth) -> dict[int, People]:
    """Return the mean pose in the box of every labelled person who is no crowd; larger people are surer ones."""
    boxes_of: dict[int, list[list[float]]] = {}
    for one in truth.annotations:
        if not one["iscrowd"]:
            boxes_of.setdefault(one["image_id"], []).append(one["bbox"])
    found = {}
    for image_id, listed in boxes_of.items():
        boxes = np.array(listed, float)
        corner, size = boxes[:, None, :2], boxes[:, None, 2:]
        joints = corner + pose * size  # (N, J, 2)
        extent = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        found[image_id] = People(joints, np.ones(joints.shape[:2]), boxes[:, 2] * boxes[:, 3], extent)
    return found

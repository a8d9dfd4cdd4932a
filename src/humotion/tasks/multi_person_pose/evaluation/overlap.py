"""How much people overlap in an image, and the AP of images with little, some and much overlap.

The crowd index is that of CrowdPose: per person, the joints of others in the person's box, divided by the person's own
joints in it; the mean over the people of an image, at most 1.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from humotion.evaluation.average_precision import ap_of
from humotion.tasks.multi_person_pose.training.joint_sets import sigmas_of
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.truth import Truth

LEVELS = (("low", 0.0, 0.1), ("medium", 0.1, 0.4), ("high", 0.4, np.inf))
"""Names, and from which crowd index to below which."""


def crowd_index(truth: Truth) -> dict[int, float]:
    """Return the crowd index of every image; 0 for an image with one person or none."""
    num_joints = len(sigmas_of(truth.joint_set))
    people: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {image_id: [] for image_id in truth.image_ids}
    for one in truth.annotations:
        keypoints = np.array(one["keypoints"], float).reshape(num_joints, 3)
        joints = keypoints[keypoints[:, 2] > 0, :2]
        if len(joints) and not one["iscrowd"]:
            people[one["image_id"]].append((joints, np.array(one["bbox"], float)))
    return {image_id: _of_image(ones) for image_id, ones in people.items()}


def _of_image(people: list[tuple[np.ndarray, np.ndarray]]) -> float:
    shares = []
    for place, (joints, box) in enumerate(people):
        others = [other for number, (other, _) in enumerate(people) if number != place]
        own = _inside(joints, box)
        foreign = sum(_inside(other, box) for other in others)
        shares.append(min(foreign / max(own, 1), 1.0))
    return float(np.mean(shares)) if shares else 0.0


def _inside(joints: np.ndarray, box: np.ndarray) -> int:
    return int(((joints >= box[:2]) & (joints <= box[:2] + box[2:])).all(axis=1).sum())


def ap_by_overlap(truth: Truth, people: Mapping[int, People]) -> dict[str, float]:
    """Return ``ap_overlap_low``, ``_medium`` and ``_high``: AP of the images of each level; NaN if there are none."""
    index = crowd_index(truth)
    found = {}
    for name, least, below in LEVELS:
        ids = {image_id for image_id, value in index.items() if least <= value < below}
        found[f"ap_overlap_{name}"] = ap_of(match(part_of(truth, ids), {i: people[i] for i in ids & people.keys()}))
    return found


def part_of(truth: Truth, image_ids: set[int]) -> Truth:
    """Return the labels of some images."""
    return truth._replace(
        images=[one for one in truth.images if one["id"] in image_ids],
        annotations=[one for one in truth.annotations if one["image_id"] in image_ids],
    )

"""Made-up images of people, and detections near them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.truth import Truth, as_truth


@pytest.fixture(scope="session")
def multi(real_data: Path) -> Path:
    """The folder of real labels and predictions of several people."""
    folder = real_data / "multi"
    if not folder.is_dir():
        pytest.skip(f"no images of several people at {folder}")
    return folder


def crowd_of(num_images: int, seed: int, joint_set: str = "coco", num_joints: int = 17) -> Truth:
    """Images with up to six people: unlabelled joints, people without any, crowds, and images of nobody."""
    random = np.random.default_rng(seed)
    images: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    for image in range(1, num_images + 1):
        images.append({"id": image, "width": 640, "height": 480, "crowdIndex": float(random.uniform())})
        for _ in range(random.integers(7)):
            places = random.uniform(0, 350, 2) + random.uniform(0, random.uniform(20, 250), (num_joints, 2))
            flags = random.integers(0, 3, num_joints)
            is_crowd = random.uniform() < 0.1
            flags[:] = 0 if is_crowd or random.uniform() < 0.1 else flags
            low, size = places.min(axis=0), np.ptp(places, axis=0)
            keypoints = np.concatenate([places * (flags > 0)[:, None], flags[:, None]], axis=1)
            people.append(
                {
                    **{"id": len(people) + 1, "image_id": image, "category_id": 1, "iscrowd": int(is_crowd)},
                    **{"area": float(size.prod() * random.uniform(0.3, 0.8)), "bbox": [*low.tolist(), *size.tolist()]},
                    **{"keypoints": keypoints.reshape(-1).tolist(), "num_keypoints": int((flags > 0).sum())},
                    "places": places,
                }
            )
    return as_truth(images, people, joint_set)


def detected(truth: Truth, seed: int, noise: float = 12.0) -> dict[int, People]:
    """Detections of most people, some twice, with false ones, in scores with two digits, so that many are equal."""
    random = np.random.default_rng(seed)
    found: dict[int, People] = {}
    for image in truth.image_ids:
        places = [one["places"] for one in truth.annotations if one["image_id"] == image]
        near = [
            place + random.normal(0, random.uniform(1, noise), place.shape)
            for place in places
            if random.uniform() < 0.9
        ]
        near += [place + random.normal(0, noise, place.shape) for place in places if random.uniform() < 0.3]
        near += [random.uniform(0, 640, (len(near[0]), 2)) for _ in range(random.integers(20))] if near else []
        if near:
            joints = np.array(near)
            boxes = np.concatenate([joints.min(axis=1), joints.max(axis=1)], axis=1)
            scores = random.uniform(size=len(joints)).round(2)
            found[image] = People(joints, np.ones(joints.shape[:2]), scores, boxes)
    return found

"""Made-up people with the joints of COCO, and people of real labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from humotion.models.common.people_maps import Fields, Found, Labels
from humotion.models.open_pose.limbs import COCO
from humotion.models.open_pose.open_pose import OpenPose
from humotion.params.models.open_pose import OpenPoseDecoding
from humotion.tasks.multi_person_pose.training.truth import Truth, truth_of_file

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
STANDING = {
    **{"nose": (0, -90), "l_eye": (6, -97), "r_eye": (-6, -97), "l_ear": (14, -93), "r_ear": (-14, -93)},
    **{"l_shoulder": (24, -60), "r_shoulder": (-24, -60), "l_elbow": (33, -22), "r_elbow": (-33, -22)},
    **{"l_wrist": (36, 12), "r_wrist": (-36, 12), "l_hip": (15, 15), "r_hip": (-15, 15)},
    **{"l_knee": (17, 68), "r_knee": (-17, 68), "l_ankle": (17, 120), "r_ankle": (-17, 120)},
}
PERSON = np.array([STANDING[name] for name in COCO], np.float32)
USUAL = OpenPoseDecoding()


def people_at(*places: tuple[float, float]) -> Floats:
    """Standing people (N, 17, 2) of 217 pixels, with their middles at these places."""
    return np.array([PERSON + place for place in places], np.float32).reshape(-1, len(COCO), 2)


def rows_of(count: int) -> Floats:
    """People in rows of ten, apart from each other, a little different."""
    random = np.random.default_rng(count)
    places = [(60 + 100 * (one % 10), 125 + 250 * (one // 10)) for one in range(count)]
    return (people_at(*places) + random.uniform(-4, 4, (count, len(COCO), 2))).astype(np.float32)


def labels_of(joints: Floats, known: Bools | None = None) -> Labels:
    """As labels of one picture in which everything teaches."""
    known = np.ones(joints.shape[:2], bool) if known is None else known
    return Labels(torch.from_numpy(joints)[None], torch.from_numpy(known)[None], torch.zeros(1, 8, 8).byte())


def fields_of(model: OpenPose, joints: Floats, known: Bools | None = None, size: tuple[int, int] = (64, 128)) -> Fields:
    """The fields (height, width in cells) that the model would make of people if it were perfect."""
    maps = model.fields(model.targets(labels_of(joints, known), *size))
    return {name: one[0].numpy() for name, one in maps.items()}


def in_order(found: Found, truth: Floats) -> Floats:
    """The found people (N, J, 2) in the order of the true ones that they are nearest to."""
    apart = np.nanmean(np.abs(found.joints[:, None] - truth[None]), axis=(2, 3))
    return found.joints[apart.argmin(axis=0)]


def real_people(folder: Path, name: str) -> tuple[Truth, dict[int, tuple[Floats, Bools]]]:
    """The labels of some of COCO's images, and the people (N, 17, 2), (N, 17) of each."""
    truth = truth_of_file(folder / "multi" / "coco_mini" / f"person_keypoints_{name}2017.json", "coco")
    people = {}
    for image_id in truth.image_ids:
        keypoints = np.array(
            [one["keypoints"] for one in truth.annotations if one["image_id"] == image_id], np.float32
        ).reshape(-1, len(COCO), 3)
        keypoints = keypoints[(keypoints[..., 2] > 0).any(axis=1)]
        people[image_id] = (keypoints[..., :2], keypoints[..., 2] > 0)
    return truth, people

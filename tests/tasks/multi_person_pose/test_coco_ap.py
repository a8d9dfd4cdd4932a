"""AP against published predictions, against pycocotools, and by hand; labels that cannot be scored."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.people_scores import by_pycocotools
from humotion.errors import HumotionError
from humotion.tasks.multi_person_pose.evaluation.coco_ap import average_precision
from humotion.tasks.multi_person_pose.training.people import People, read_results
from humotion.tasks.multi_person_pose.training.truth import Truth, as_truth, truth_of_file
from tests.tasks.multi_person_pose.conftest import crowd_of, detected

COCO_NAMES = ("AP", "AP50", "AP75", "AP_medium", "AP_large", "AR", "AR50", "AR75", "AR_medium", "AR_large")
CROWD_NAMES = ("AP", "AP50", "AP75", "AR", "AR50", "AR75", "AP_easy", "AP_medium", "AP_hard")


def test_the_published_predictions_for_coco(multi: Path) -> None:
    truth = truth_of_file(multi / "mmpose/coco/test_coco.json", "coco")
    scores = average_precision(truth, read_results(multi / "xtcocoapi/example_coco_preds.json", 17))
    expected = (0.86089, 0.993145, 0.910891, 0.775578, 0.937252, 0.875, 1, 0.916667, 0.78, 0.942857)
    assert tuple(scores) == COCO_NAMES
    assert tuple(scores.values()) == pytest.approx(expected, abs=5e-7)


def test_the_published_predictions_for_crowdpose(multi: Path) -> None:
    truth = truth_of_file(multi / "xtcocoapi/example_crowdpose_val.json", "crowdpose")
    scores = average_precision(truth, read_results(multi / "xtcocoapi/example_crowdpose_preds.json", 14))
    expected = (0.787722, 0.988119, 0.731436, 0.822222, 1, 0.777778, 1, 0.9802, 0.4116)
    assert tuple(scores) == CROWD_NAMES
    assert tuple(scores.values()) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize("seed", range(3))
def test_pycocotools_says_the_same(seed: int) -> None:
    truth = crowd_of(60, seed)
    people = detected(truth, seed + 50)
    theirs = by_pycocotools(truth, people).stats
    scores = average_precision(truth, people)
    assert list(scores.values()) == pytest.approx(theirs.tolist(), abs=1e-12)
    assert 0.02 < scores["AP"] < 0.9


def test_nobody_found_and_nobody_labelled() -> None:
    truth = crowd_of(10, 0)
    assert set(average_precision(truth, {}).values()) == {0.0}
    assert set(average_precision(truth, {1: People.nobody(17)}).values()) == {0.0}
    nobody = as_truth(truth.images, [], "coco")
    assert all(math.isnan(score) for score in average_precision(nobody, {}).values())


def test_the_labels_found_are_perfect() -> None:
    truth = crowd_of(30, 1)
    people = {}
    for image in truth.image_ids:
        ones = [
            one for one in truth.annotations if one["image_id"] == image and one["num_keypoints"] and not one["iscrowd"]
        ]
        joints = np.array([one["places"] for one in ones]).reshape(-1, 17, 2)
        boxes = np.array([one["bbox"] for one in ones]).reshape(-1, 4)
        people[image] = People(joints, np.ones(joints.shape[:2]), np.ones(len(ones)), boxes)
    assert {score for score in average_precision(truth, people).values() if not math.isnan(score)} == {1.0}


def test_evaluation_changes_neither_labels_nor_people() -> None:
    truth = crowd_of(20, 2)
    people = detected(truth, 3)
    first = average_precision(truth, people)
    assert average_precision(truth, people) == first
    assert all("ignore" not in one for one in truth.annotations)


def test_crowdpose_without_images_of_a_kind() -> None:
    truth = crowd_of(12, 3, "crowdpose", 14)
    easy = truth._replace(images=[{**image, "crowdIndex": 0.05} for image in truth.images])
    scores = average_precision(easy, detected(truth, 4))
    assert scores["AP_easy"] == pytest.approx(scores["AP"], abs=5e-5)
    assert math.isnan(scores["AP_medium"]) and math.isnan(scores["AP_hard"])


def with_people_of(image: int, num_joints: int) -> dict[int, People]:
    return {image: People(np.zeros((1, num_joints, 2)), np.ones((1, num_joints)), np.ones(1), np.zeros((1, 4)))}


@pytest.mark.parametrize(
    ("people", "reason"),
    [
        (with_people_of(999, 17), "people of image 999, which the labels do not name"),
        (with_people_of(1, 14), "People of image 1 have 14 joints; coco has 17"),
    ],
)
def test_people_that_do_not_fit_the_labels(people: dict[int, People], reason: str) -> None:
    with pytest.raises(HumotionError, match=reason):
        average_precision(crowd_of(5, 0), people)


def test_crowdpose_without_its_index() -> None:
    truth = crowd_of(5, 0, "crowdpose", 14)
    truth.images[2].pop("crowdIndex")
    with pytest.raises(HumotionError, match="Image 3 has no 'crowdIndex'"):
        average_precision(truth, {})


def test_what_labels_may_lack() -> None:
    one = {"id": 1, "image_id": 1, "bbox": [0, 0, 10, 20], "keypoints": [1, 2, 2] * 17}
    nobody = {"id": 2, "image_id": 1, "bbox": [0, 0, 10, 20]}
    (first, second) = as_truth([{"id": 1}], [one, nobody], "coco").annotations
    assert (first["area"], first["iscrowd"], first["num_keypoints"]) == (pytest.approx(106), 0, 17)
    assert (second["num_keypoints"], second["keypoints"]) == (0, [0] * 51)


ONE: dict[str, Any] = {"id": 1, "image_id": 1, "bbox": [0, 0, 1, 1], "keypoints": [0] * 51}


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        ([ONE, ONE], "Annotation 1 is there twice"),
        ([{**ONE, "image_id": 5}], "of image 5, which the labels do not name"),
        ([{**ONE, "keypoints": [0] * 42}], "42 numbers of keypoints, but 17 joints"),
        ([{**ONE, "keypoints": [float("nan")] * 51}], "not finite"),
        ([{**ONE, "area": float("inf")}], "not finite"),
        ([{"id": 1, "image_id": 1}], "no 'bbox' of four numbers"),
        ([{**ONE, "area": None}], "something else that is no number"),
        ([{**ONE, "bbox": "all"}], "no 'bbox' of four numbers"),
    ],
)
def test_labels_that_cannot_be_scored(annotations: list[Any], reason: str) -> None:
    with pytest.raises(HumotionError, match=reason):
        as_truth([{"id": 1}], annotations, "coco")


def test_a_file_that_is_no_file_of_labels(multi: Path) -> None:
    with pytest.raises(HumotionError, match="is no file of people in COCO's format"):
        truth_of_file(multi / "xtcocoapi/example_coco_preds.json", "coco")


def test_truth_is_of_images() -> None:
    assert Truth([{"id": 3}, {"id": 1}], [], "coco").image_ids == [1, 3]

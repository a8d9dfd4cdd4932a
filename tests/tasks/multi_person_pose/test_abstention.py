"""Whom and which joints a model believes, and what is said of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from humotion.prediction.results import write_results
from humotion.tasks.multi_person_pose.predictor import _text
from humotion.tasks.multi_person_pose.training.abstention import PeopleAbstention, people_abstention
from humotion.tasks.multi_person_pose.training.matching import RIGHT, UNKNOWN, WRONG, Judged, judge, match_images
from humotion.tasks.multi_person_pose.training.outcomes import people_around
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.scores import score_table
from humotion.tasks.multi_person_pose.training.truth import Truth, as_truth

JOINTS = 14  # CrowdPose's
PLACES = np.column_stack([np.linspace(10, 90, JOINTS), np.linspace(10, 190, JOINTS)])


def truth_of(num_images: int, unlabelled: int = 0) -> Truth:
    """One person per image, in the same place; of the first joint there is no label in the first images."""
    annotations = []
    for image in range(num_images):
        flags = np.full((JOINTS, 1), 2.0)
        flags[0] = 0 if image < unlabelled else 2
        keypoints = np.hstack([PLACES, flags]).reshape(-1).tolist()
        annotations.append({"id": image, "image_id": image, "bbox": [0, 0, 100, 200], "keypoints": keypoints})
    images = [{"id": image, "file_name": f"{image}.jpg", "width": 100, "height": 200} for image in range(num_images)]
    return as_truth(images, annotations, "crowdpose")


def one(score: float, joint_score: float = 0.5, by: float = 0.0, off: int | None = None) -> People:
    """A person who lies ``by`` pixels beside the labels, with one joint that is far off."""
    joints = PLACES[None] + by
    if off is not None:
        joints[0, off] += 45  # more than 0.2 of the box
    scores = np.full((1, JOINTS), joint_score)
    return people_around(joints, scores, np.array([score]))


def judged(truth: Truth, people: dict[int, People]) -> dict[int, Judged]:
    return {image_id: judge(one) for image_id, one in match_images(truth, people).items()}


def scored(truth: Truth, people: dict[int, People]) -> pd.DataFrame:
    """The table of a model; every image is a group of its own."""
    return score_table(truth, people, {image["file_name"]: image["file_name"] for image in truth.images})


def test_joints_are_right_near_their_labels_alone() -> None:
    truth = truth_of(3, unlabelled=1)
    found = judged(truth, {0: one(0.9), 1: one(0.9, off=3), 2: one(0.9, by=500)})
    assert [found[image].person_is.tolist() for image in range(3)] == [[RIGHT], [RIGHT], [WRONG]]
    assert found[0].joint_is[0].tolist() == [UNKNOWN] + [RIGHT] * (JOINTS - 1)
    assert found[1].joint_is[0].tolist() == [WRONG if joint == 3 else RIGHT for joint in range(JOINTS)]
    assert (found[2].joint_is == WRONG).all(), "all joints of a person who is nobody"


def test_who_is_found_twice_is_right_once_and_crowds_do_not_count() -> None:
    truth = truth_of(1)
    both = people_around(np.stack([PLACES, PLACES]), np.full((2, JOINTS), 0.5), np.array([0.4, 0.9]))
    assert judged(truth, {0: both})[0].person_is.tolist() == [RIGHT, WRONG]
    truth.annotations[0]["iscrowd"] = 1
    assert judged(truth, {0: one(0.9)})[0].person_is.tolist() == [UNKNOWN]


def test_thresholds_are_the_smallest_that_are_right_enough() -> None:
    """100 sure people, of whom 5 are wrong, and 50 unsure ones, of whom half are."""
    truth = truth_of(150)
    people = {image: one(0.9, by=500 * (image < 5)) for image in range(100)}
    people |= {image: one(0.3, by=500 * (image % 2)) for image in range(100, 150)}
    rule = people_abstention(scored(truth, people), in_crops=False)
    assert (rule.person_threshold, rule.people) == (0.9, 100) and rule.right_people == pytest.approx(0.95)
    assert (rule.joint_threshold, rule.joints) == (0.5, 100 * JOINTS) and rule.num_groups == 150
    in_crops = people_abstention(scored(truth, people), in_crops=True)
    assert in_crops.person_threshold == 0 and in_crops.joint_threshold is None, "all have the same joint scores"
    elsewhere = rule.on(scored(truth_of(2), {0: one(0.95, by=500), 1: one(0.95)}))
    assert (elsewhere.people, elsewhere.right_people, elsewhere.person_threshold) == (2, 0.5, 0.9)


def test_a_model_that_is_never_right_enough_believes_nobody() -> None:
    truth = truth_of(60)
    rule = people_abstention(scored(truth, {image: one(0.9, by=500) for image in range(60)}), in_crops=False)
    assert rule.person_threshold is None and not rule.believed(one(1.0))[1].any()
    nobody = people_abstention(scored(truth, {}), in_crops=False)
    assert nobody.person_threshold is None and nobody.people == 0
    assert PeopleAbstention(**json.loads(json.dumps(rule.as_dict()))) == rule


def test_what_is_said_of_a_picture_and_of_a_video() -> None:
    rule = PeopleAbstention(0.5, 0.4, 0.9, 0, None, 0, None, 0)
    two = people_around(np.stack([PLACES, PLACES + 5]), np.full((2, JOINTS), 0.5), np.array([0.9, 0.1]))
    everything = np.ones((2, JOINTS), bool)
    assert _text([two], [rule.believed(two)[1]]) == "1 person; 1 of 2 finds have too low a score to be shown"
    assert _text([two], [everything]) == "2 people"
    assert _text([one(0.1)], [rule.believed(one(0.1))[1]]).startswith("nobody is shown: 1 person found")
    followed = People(two.joints, two.joint_scores, two.scores, two.boxes, tracks=np.array([0, 1]))
    assert _text([followed] * 2, [everything] * 2) == "2 people, at most 2 at the same time"


def test_people_are_in_a_table_and_in_a_file_of_coco(tmp_path: Path) -> None:
    person: dict[str, Any] = {"track": 3, "score": 0.8, "box": [1, 2, 3, 4]}
    person |= {"joints": [[1.0, 2.0, 0.9], [0, 0, 0], [5.0, 8.0, 0.2]], "believed": [True, False, False]}
    unsure = {**person, "track": None, "believed": [False] * 3}
    people = {"names": ["a", "b", "c"], "edges": [[0, 1]], "frames": [[], [person, unsure]]}
    facts = {"path": "x.mp4", "width": 9, "height": 9, "seconds": 1.0}
    facts["predictions"] = [{"experiment": "many", "people": people}]
    written = write_results(tmp_path / "x", facts, [0.0, 0.5])
    assert [path.name for path in written] == ["x.json", "x.people.csv", "x.many.coco.json"]
    rows = list(csv.DictReader((tmp_path / "x.people.csv").open()))
    assert [(row["frame"], row["person"], row["track"], row["joint"], row["believed"]) for row in rows] == [
        ("1", "0", "3", "a", "True"),
        ("1", "0", "3", "c", "False"),
        ("1", "1", "", "a", "False"),
        ("1", "1", "", "c", "False"),
    ]
    coco = json.loads((tmp_path / "x.many.coco.json").read_text())
    (annotation,) = coco["annotations"]
    assert annotation["keypoints"] == [1, 2, 2, 0, 0, 0, 0, 0, 0] and annotation["track_id"] == 3
    assert annotation["score"] == 0.8 and annotation["image_id"] == 1 and annotation["num_keypoints"] == 1

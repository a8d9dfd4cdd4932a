"""The benchmarks of people run, and what they measure is what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import crowd_times, people_decoding, people_found, person_following
from humotion.models.person_lab.decoding import decode
from humotion.tasks.multi_person_pose.evaluation.coco_ap import average_precision
from humotion.tasks.multi_person_pose.evaluation.tracks import track_scores
from humotion.tasks.multi_person_pose.training.outcomes import people_around
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.truth import truth_of_file


def test_two_networks_on_the_real_images(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = real_data / "multi"
    labels, images = folder / "coco_mini" / "person_keypoints_val2017.json", folder / "coco_mini" / "val2017"
    where = ["--labels", str(labels), "--images", str(images), "--draws", "3"]
    graph = folder / "openpose_mobilenet" / "graph_opt.pb"
    people_found.main(["--posenet", str(folder / "posenet"), "--openpose", str(graph), *where])
    said = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")] for line in said.splitlines() if line.startswith("|")]
    ap = {row[1]: float(row[2].split()[0]) for row in rows if row[2].split()[-1].endswith(")")}
    assert ap["PoseNet"] == pytest.approx(0.284, abs=0.01)  # an independent implementation of network and decoder
    assert ap["OpenPose on MobileNet"] == pytest.approx(0.155, abs=0.02)
    difference = ap["PoseNet, less OpenPose on MobileNet"]
    assert difference == pytest.approx(ap["PoseNet"] - ap["OpenPose on MobileNet"], abs=0.002)


def test_drawn_images_count_as_often_as_they_are_drawn(real_data: Path) -> None:
    truth = truth_of_file(real_data / "multi" / "coco_mini" / "person_keypoints_val2017.json", "coco")
    keypoints = np.array([one["keypoints"] for one in truth.annotations], float).reshape(-1, 17, 3)
    is_known = keypoints[..., 2].max(axis=1) > 0
    owner = np.array([one["image_id"] for one in truth.annotations])
    first, *others = truth.image_ids
    people = {image: People.nobody(17) for image in others}
    mine = is_known & (owner == first)
    joints = np.where(keypoints[mine, :, 2:] > 0, keypoints[mine, :, :2], np.nan)
    people[first] = people_around(joints, np.ones(joints.shape[:2]), np.ones(len(joints)))
    times = np.array([int(image["id"] == first) for image in truth.images])
    assert people_found.drawn(truth, people, 2 * times)["AP"] == pytest.approx(1.0)
    assert people_found.drawn(truth, people, 1 - times)["AP"] == 0.0
    whole = people_found.drawn(truth, people, np.ones_like(times))
    assert whole == average_precision(truth, people)


@pytest.mark.parametrize("count", people_found.CROWDS)
def test_every_person_of_a_made_up_crowd_is_found(count: int) -> None:
    found = decode(people_found.crowd(count))
    assert len(found.joints) == count
    assert found.joint_scores.min() > 0.5


def test_expected_places_keep_the_numbers_of_people_who_cross() -> None:
    scenes = [person_following.scene(4, seed) for seed in range(2)]
    scores = {
        name: track_scores([person_following.judged(made, follow(made)) for made in scenes])
        for name, follow in person_following.WAYS.items()
    }
    ours = scores.pop("person_tracks")
    assert all(ours.idf1 > other.idf1 and ours.clear.switches < other.clear.switches for other in scores.values())


def test_iou_of_boxes() -> None:
    box = np.array([[0.0, 0, 2, 2]])
    others = np.array([[0.0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 6, 6]])
    np.testing.assert_allclose(person_following.iou(box, others), [[1, 1 / 7, 0]])


def test_decoding_of_every_family_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    people_decoding.main(["--people", "2", "--repeats", "1"])
    said = capsys.readouterr().out
    assert all(name in said for name in (*people_decoding.FAMILIES, people_decoding.LOOPS))
    bottom_up = {"open_pose", "associative_embedding", "person_lab"}
    assert {family.family for family in people_decoding.FAMILIES.values()} == bottom_up


def test_pictures_of_so_many_people_have_their_boxes() -> None:
    (shown,) = crowd_times.pictures(3, 1)
    height, width = shown.pixels.shape[:2]
    assert shown.boxes.shape == (3, 4)
    assert (shown.boxes[:, 2:] > shown.boxes[:, :2]).all()
    assert (shown.boxes >= 0).all() and (shown.boxes[:, 2:] <= [width, height]).all()


def test_from_how_many_people_on_the_picture_as_a_whole_costs_less() -> None:
    whole = {count: crowd_times.Times(10, 1) for count in (1, 3, 8)}
    crops = {count: crowd_times.Times(4 * count, 0) for count in (1, 3, 8)}
    assert crowd_times.cheaper_from(whole, crops) == 3
    assert crowd_times.cheaper_from(whole, whole) is None
    assert crowd_times.cheaper_from({**whole, 3: crowd_times.Times(100, 1)}, crops) == 8
    assert crowd_times.Times(30, 10).decoder_share == 0.25

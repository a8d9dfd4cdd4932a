"""The benchmarks of people run, and what they measure is what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import crowd_times, people_decoding, people_found, person_following
from humotion.models.person_lab.decoding import decode
from humotion.tasks.multi_person_pose.evaluation.tracks import track_scores


def test_posenet_on_the_real_images(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = real_data / "multi"
    labels, images = folder / "coco_mini" / "person_keypoints_val2017.json", folder / "coco_mini" / "val2017"
    people_found.main([*("--weights", str(folder / "posenet")), *("--labels", str(labels)), *("--images", str(images))])
    said = capsys.readouterr().out
    ap = float(said.split("images: AP ")[1].split(",")[0])
    assert ap == pytest.approx(0.284, abs=0.01)  # an independent implementation of the same network and decoder
    assert "95 % interval" in said


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

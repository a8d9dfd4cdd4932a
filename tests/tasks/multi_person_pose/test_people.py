from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humotion.errors import HumotionError
from humotion.tasks.multi_person_pose.training.people import (
    People,
    from_results,
    read_results,
    to_results,
    write_results,
)


def two() -> People:
    joints = np.array([[[1.0, 2.0], [3.0, 4.0], [np.nan, np.nan]], [[np.nan] * 2] * 3])
    scores = np.array([[0.5, 0.9, 0], [0, 0, 0]])
    boxes = np.array([[0.0, 0, 10, 20], [10, 20, 30, 40]])
    masks = np.zeros((2, 4, 5), bool)
    return People(joints, scores, np.array([0.7, 0.2]), boxes, masks, np.array([3, 8]), np.zeros((2, 3, 3)))


def test_joints_that_were_not_found_do_not_enlarge_a_person() -> None:
    """The mean of the found joints, and without any the centre of the box."""
    assert two().filled().tolist() == [[[1, 2], [3, 4], [2, 3]], [[20, 30]] * 3]


def test_results_and_back(tmp_path: Path) -> None:
    people = two()
    write_results(tmp_path / "results.json", {5: people, 6: People.nobody(3)})
    content = json.loads((tmp_path / "results.json").read_text())
    assert [set(one) for one in content] == [{"image_id", "category_id", "keypoints", "score", "track_id"}] * 2
    (image, back), *none = read_results(tmp_path / "results.json", 3).items()
    assert (image, none) == (5, [])
    np.testing.assert_array_equal(back.joints, people.filled())
    np.testing.assert_array_equal(back.joint_scores, people.joint_scores)
    np.testing.assert_array_equal(back.scores, people.scores)
    assert back.tracks is not None and back.tracks.tolist() == [3, 8]
    assert back.boxes[0].tolist() == [1, 2, 3, 4]  # the extent, because a result has no box


def test_a_box_in_the_results_is_read() -> None:
    entry = {"image_id": 1, "keypoints": [0, 0, 1] * 3, "score": 1, "bbox": [1, 2, 10, 20]}
    assert from_results([entry], 3)[1].boxes.tolist() == [[1, 2, 11, 22]]


def test_the_real_predictions_are_the_same_after_a_round(multi: Path) -> None:
    entries = json.loads((multi / "xtcocoapi/example_coco_preds.json").read_text())
    people = from_results(entries, 17)
    again = [one for image, found in people.items() for one in to_results(image, found)]
    assert len(again) == 73
    assert sorted(one["keypoints"] for one in again) == sorted(one["keypoints"] for one in entries)
    assert sorted(one["score"] for one in again) == sorted(one["score"] for one in entries)


def test_only_keeps_everything_together() -> None:
    one = two().only(np.array([1]))
    assert len(one) == 1 and one.scores.tolist() == [0.2]
    assert one.tracks is not None and one.masks is not None and one.places is not None
    assert (one.tracks.tolist(), one.masks.shape, one.places.shape) == ([8], (1, 4, 5), (1, 3, 3))


BAD: dict[str, dict[str, Any]] = {
    "joint_scores have the shape": {"joint_scores": np.zeros((2, 4))},
    "scores have the shape": {"scores": np.zeros(3)},
    "boxes have the shape": {"boxes": np.zeros((2, 5))},
    "tracks have the shape": {"tracks": np.zeros(3, int)},
    "joints have the shape": {"joints": np.zeros((2, 3, 3))},
    "masks have the shape": {"masks": np.zeros((3, 4, 5), bool)},
    "not finite": {"scores": np.array([np.nan, 1])},
}


@pytest.mark.parametrize("reason", BAD)
def test_what_does_not_fit_together_is_refused(reason: str) -> None:
    people = two()
    parts = {name: getattr(people, name) for name in People.__dataclass_fields__}
    with pytest.raises(ValueError, match=reason):
        People(**{**parts, **BAD[reason]})


ENTRY = {"image_id": 1, "keypoints": [0.0] * 9, "score": 0.5}


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({**ENTRY, "keypoints": [0.0] * 6}, "Entry 1 of the results has 6 numbers of keypoints, but 3 joints"),
        ({**ENTRY, "keypoints": [float("nan")] * 9}, "not finite"),
        ({**ENTRY, "score": float("inf")}, "not finite"),
        ({**ENTRY, "score": None}, "not finite"),
        ({**ENTRY, "keypoints": "none"}, "something else than numbers"),
        ({"image_id": 1, "score": 1}, "lacks image_id, keypoints or score"),
        ("person", "lacks image_id, keypoints or score"),
    ],
)
def test_bad_results_are_named(entry: Any, reason: str) -> None:
    with pytest.raises(HumotionError, match=reason):
        from_results([ENTRY, entry], 3)


@pytest.mark.parametrize("content", ["{", '{"annotations": []}'])
def test_a_file_that_is_no_result_file(content: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(HumotionError, match=r"results.json"):
        read_results(tmp_path / "results.json", 3)

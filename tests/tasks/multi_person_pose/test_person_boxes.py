"""Boxes of people, of labels and of a layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from humotion.errors import HumotionError
from humotion.tasks.multi_person_pose.training.person_boxes import Boxes, boxes_of_layer, labelled_boxes, within
from tests.tasks.multi_person_pose.videos import stored

PICTURE = np.zeros((60, 80, 3), np.uint8)


def test_labelled_people_are_sure_and_those_without_joints_are_nobody(tmp_path: Path) -> None:
    boxes = np.array([[1, 2, 30, 40], [0, 0, 79, 59], [40, 5, 70, 50]])
    flags = np.array([[2, 1, 0], [0, 0, 0], [0, 0, 1]], np.uint8)
    video = stored(tmp_path, PICTURE, np.zeros((3, 3, 2)), boxes, flags)
    found = labelled_boxes(video, 0)
    np.testing.assert_array_equal(found.corners, boxes[[0, 2]])
    np.testing.assert_array_equal(found.scores, [1, 1])


def test_a_picture_of_nobody_has_no_boxes(tmp_path: Path) -> None:
    found = labelled_boxes(stored(tmp_path, PICTURE, np.zeros((0, 3, 2)), np.zeros((0, 4))), 0)
    assert found.corners.shape == (0, 4) and found.scores.shape == (0,)
    layer = {"boxes": np.zeros((0, 2, 4), np.float32), "found": np.zeros((0, 2), bool)}
    for visibility in ({}, {"visibility": np.zeros((0, 2, 0), np.float32)}):  # person_tracks has 0 joints then
        found = boxes_of_layer({**layer, **visibility}, 1)
        assert found.corners.shape == (0, 4) and found.scores.shape == (0,)


def test_without_labels_or_boxes_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="picture has no labels of people"):
        labelled_boxes(stored(tmp_path, PICTURE), 0)
    with pytest.raises(HumotionError, match="layer has no boxes"):
        boxes_of_layer({}, 0)


def test_a_layer_has_those_who_were_found_in_the_frame() -> None:
    found = np.array([[True, True], [False, True], [True, True]])
    boxes = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    boxes[~found] = np.nan
    visibility = np.array([[[0.2, 0.4], [1, 1]], [[np.nan] * 2, [1, 0.5]], [[0.9, 0.7], [0, 0.5]]], np.float32)
    layer = {"boxes": boxes, "found": found}
    first, second = (boxes_of_layer({**layer, "visibility": visibility}, frame) for frame in (0, 1))
    np.testing.assert_array_equal(first.corners, boxes[[0, 2], 0])
    np.testing.assert_allclose(first.scores, [0.3, 0.8], rtol=1e-6)
    np.testing.assert_allclose(second.scores, [1, 0.75, 0.25])
    np.testing.assert_array_equal(boxes_of_layer(layer, 0).scores, [1, 1])
    own = {**layer, "visibility": visibility, "scores": np.array([[0.5, 0], [0, 0], [np.nan, 1]], np.float32)}
    np.testing.assert_array_equal(boxes_of_layer(own, 0).scores, [0.5, 0])


@pytest.mark.parametrize(
    ("corners", "is_within"),
    [
        ([0, 0, 79, 59], True),
        ([-20, -20, 5, 5], True),
        ([75, 50, 200, 200], True),
        ([-20, -20, 300, 300], True),
        ([-20, 0, -0.6, 59], False),
        ([79.6, 0, 100, 59], False),
        ([0, 60, 79, 90], False),
        ([10, 10, 10, 40], False),
        ([10, 40, 50, 20], False),
        ([np.nan, 10, 50, 20], False),
        ([0, 0, np.inf, 20], False),
    ],
)
def test_only_boxes_with_some_of_the_picture_count(corners: list[float], is_within: bool) -> None:
    assert within(Boxes(np.array([corners]), np.ones(1)), 80, 60).tolist() == [is_within]

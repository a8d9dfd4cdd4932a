from __future__ import annotations

import numpy as np
import pytest

from humotion.errors import HumotionError
from humotion.tasks.pose_estimation.evaluation.mean_pose import fit_mean_pose, place_mean_pose


def test_mean_of_two_boxes_by_hand():
    boxes = np.array([[0, 0, 100, 200], [10, 10, 20, 30]], dtype=np.float32)
    joints = np.array([[[25, 100], [0, 0]], [[17.5, 20], [20, 30]]], dtype=np.float32)
    mean = fit_mean_pose(joints, np.full((2, 2), 2, np.uint8), boxes)
    np.testing.assert_allclose(mean, [[0.5, 0.5], [0.5, 0.5]])  # (0.25 + 0.75) / 2 and (0 + 1) / 2
    placed = place_mean_pose(np.array([[0.25, 0.5]], np.float32), np.array([[10, 20, 30, 100]], np.float32))
    np.testing.assert_allclose(placed, [[[15, 60]]])


def test_only_visible_joints_and_boxes_with_area_count():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [5, 5, 5, 9]], dtype=np.float32)
    joints = np.array([[[2, 4], [np.nan, np.nan]], [[9, 9], [1, 1]], [[7, 7], [7, 7]]], dtype=np.float32)
    visibility = np.array([[2, 0], [1, 1], [2, 2]], dtype=np.uint8)
    mean = fit_mean_pose(joints, visibility, boxes)
    np.testing.assert_allclose(mean, [[0.2, 0.4], [0.5, 0.5]], rtol=1e-6)  # a joint never seen: box centre


def test_no_usable_box_is_an_error():
    with pytest.raises(HumotionError, match="box"):
        fit_mean_pose(np.zeros((1, 2, 2), np.float32), np.full((1, 2), 2, np.uint8), np.zeros((1, 4), np.float32))

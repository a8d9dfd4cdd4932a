"""Heatmap targets and loss against hand-computed values."""

from __future__ import annotations

import math

import pytest
import torch

from humotion.poses.heatmaps import enlarged_boxes, gaussian_targets, sum_of_squares


def one_joint(x: float, y: float, flag: int = 2, **options: object) -> torch.Tensor:
    """The two maps (joint, background) of a single joint on a crop of 96 pixels."""
    joints = torch.tensor([x, y]).view(1, 1, 1, 2)
    return gaussian_targets(joints, torch.full((1, 1, 1), flag), map_size=12, **options)[0, 0]  # type: ignore[arg-type]


def test_peak_is_one_at_the_centre_of_a_cell() -> None:
    joint, background = one_joint(8 * 5 + 3.5, 8 * 2 + 3.5)
    assert joint[2, 5] == 1
    assert joint[2, 6] == pytest.approx(math.exp(-(8**2) / (2 * 7**2)))
    assert joint[4, 7] == pytest.approx(math.exp(-(16**2 + 16**2) / (2 * 7**2)), abs=0.01)
    torch.testing.assert_close(background, 1 - joint)


def test_small_values_are_zero() -> None:
    joint, _ = one_joint(43.5, 19.5)
    assert joint[joint > 0].min() >= 0.01
    assert joint[2, 8] == 0  # 24 px away: exp(-5.88) = 0.003


@pytest.mark.parametrize(("x", "y", "flag"), [(50, 50, 0), (-0.6, 50, 2), (95.5, 50, 2), (50, 300, 2)])
def test_absent_or_outside_joints_have_a_zero_map(x: float, y: float, flag: int) -> None:
    joint, background = one_joint(x, y, flag)
    assert not joint.any()
    assert (background == 1).all()


def test_occluded_joints_are_labelled_and_absent_ones_may_be_nan() -> None:
    assert one_joint(50, 50, flag=1)[0].max() > 0.5
    assert torch.isfinite(one_joint(math.nan, math.nan, flag=0)).all()


def test_joints_outside_the_box_have_a_zero_map() -> None:
    box = torch.tensor([40.0, 40, 60, 60]).view(1, 1, 4)
    assert one_joint(50, 50, box=box)[0].any()
    assert not one_joint(50, 61, box=box)[0].any()


def test_loss_is_half_the_squared_error_averaged_over_clips_only() -> None:
    target = torch.zeros(2, 4, 4, 5, 5)
    predicted = torch.zeros(2, 4, 4, 5, 5)
    predicted[0, 0, 0, 0, 0] = 3
    predicted[1, 3, 1, 2, 2] = 2
    assert sum_of_squares(predicted, target) == 0.5 * (9 + 4) / 2
    target[0, 0, 0, 0, 0] = 4
    assert sum_of_squares(predicted, target) == 0.5 * (1 + 4) / 2


def test_boxes_grow_by_a_share_of_shoulder_to_opposite_hip() -> None:
    joints = torch.tensor([[20.0, 10.0], [50.0, 50.0], [8.0, 30.0], [70.0, 30.0]]).expand(1, 3, 4, 2)
    visibility = torch.full((1, 3, 4), 2)
    visibility[0, 1, 0] = 1  # occluded: a position all the same
    visibility[0, 2, 0] = 0
    box = torch.tensor([20.0, 5.0, 60.0, 80.0]).expand(1, 3, 4)
    grown = enlarged_boxes(box, joints, visibility, (0, 1), 0.2)  # 0.2 * 50 = 10
    assert grown[0, :2].tolist() == [[10.0, -5.0, 70.0, 90.0]] * 2
    assert grown[0, 2].tolist() == [-math.inf, -math.inf, math.inf, math.inf]
    maps = gaussian_targets(joints, visibility, 12, box=grown)[0]
    # The third joint lies outside the box of the first two frames; the third frame has no measure.
    assert [[bool(joint.any()) for joint in frame[:-1]] for frame in maps] == [
        [True, True, False, True],
        [True, True, False, True],
        [False, True, True, True],
    ]

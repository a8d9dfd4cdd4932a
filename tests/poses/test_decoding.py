"""Joints from maps: hand-computed cells, known sub-cell positions, and maps with nothing to go by."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
import torch

from humotion.params.tasks.pose_estimation import PoseEvaluateParams
from humotion.poses.decoding import DEFAULT_DECODING, Decoding, decode_heatmaps, smooth
from humotion.poses.heatmaps import gaussian_targets
from humotion.tasks.pose_estimation.training.module import PoseEstimation

EVERY_METHOD = pytest.mark.parametrize("method", get_args(Decoding))


def targets(joints: torch.Tensor) -> torch.Tensor:
    """Maps of 12x12 cells of joints (B, T, J, 2)."""
    return gaussian_targets(joints, torch.full(joints.shape[:-1], 2), map_size=12)


def inner_joints() -> torch.Tensor:
    """Joints on a crop of 96 pixels, more than a cell away from its border."""
    return 12 + 71 * torch.rand(4, 5, 13, 2, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("method", "furthest"), [("argmax", 4.0), ("quarter", 2.0), ("dark", 0.2)])
def test_decoding_inverts_targets_as_far_as_the_method_goes(method: Decoding, furthest: float) -> None:
    joints = inner_joints()
    maps = targets(joints)
    decoded, score = decode_heatmaps(maps, method=method)
    assert decoded.shape == joints.shape
    assert (decoded - joints).abs().max() <= furthest + 1e-4  # half a cell is 4 px, and a quarter offset halves that
    torch.testing.assert_close(score, maps[:, :, :-1].amax((-2, -1)))


def test_one_method_for_evaluation_validation_and_prediction() -> None:
    assert PoseEvaluateParams().decoding == DEFAULT_DECODING == PoseEstimation.decoding
    maps = targets(inner_joints())
    assert torch.equal(decode_heatmaps(maps)[0], decode_heatmaps(maps, method=DEFAULT_DECODING)[0])


def test_argmax_and_quarter_offset_by_hand() -> None:
    maps = torch.zeros(2, 5, 6)
    maps[0, 2, 3], maps[0, 2, 4], maps[0, 2, 2], maps[0, 1, 3] = 1.0, 0.5, 0.2, 0.1
    assert decode_heatmaps(maps, method="argmax")[0].tolist() == [[8 * 3 + 3.5, 8 * 2 + 3.5]]
    assert decode_heatmaps(maps, method="quarter")[0].tolist() == [[8 * 3.25 + 3.5, 8 * 1.75 + 3.5]]


def test_dark_agrees_with_an_independent_implementation() -> None:
    """One joint at a time in NumPy: smooth, logarithm, Newton's step of a least-squares parabola's derivatives."""
    generator = torch.Generator().manual_seed(1)
    maps = targets(inner_joints()[:1, :2]) + 0.03 * torch.randn(1, 2, 14, 12, 12, generator=generator)
    decoded, _ = decode_heatmaps(maps, method="dark")
    for index in np.ndindex(1, 2, 13):
        line = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 0.875**2))
        padded = np.pad(maps[index].numpy().astype(float), 3)
        blurred = sum(
            line[i] * line[j] / line.sum() ** 2 * padded[i : i + 12, j : j + 12] for i in range(7) for j in range(7)
        )
        row, column = np.unravel_index(maps[index].numpy().argmax(), (12, 12))
        if not (0 < row < 11 and 0 < column < 11):
            continue
        log = np.log(np.maximum(blurred, 1e-10))[row - 1 : row + 2, column - 1 : column + 2]
        gradient = np.array([log[1, 2] - log[1, 0], log[2, 1] - log[0, 1]]) / 2
        mixed = (log[2, 2] - log[0, 2] - log[2, 0] + log[0, 0]) / 4
        hessian = np.array([[log[1].sum() - 3 * log[1, 1], mixed], [mixed, log[:, 1].sum() - 3 * log[1, 1]]])
        assert np.linalg.eigvalsh(hessian).max() < 0  # noise is too small to take the top away
        step = np.clip(-np.linalg.solve(hessian, gradient), -1, 1)
        assert decoded[index].numpy() == pytest.approx(8 * (np.array([column, row]) + step) + 3.5, abs=1e-2)


@EVERY_METHOD
def test_a_flat_map_and_a_corner_stay_on_the_centre_of_the_cell(method: Decoding) -> None:
    maps = torch.zeros(3, 12, 12)
    maps[1, 11, 0] = 1
    joints, score = decode_heatmaps(maps, method=method)
    assert joints.tolist() == [[3.5, 3.5], [3.5, 8 * 11 + 3.5]]
    assert score.tolist() == [0, 1]


@EVERY_METHOD
@pytest.mark.parametrize("size", [1, 2, 3, 12])
def test_a_joint_stays_within_a_cell_of_the_peak_whatever_the_map(method: Decoding, size: int) -> None:
    generator = torch.Generator().manual_seed(size)
    maps = torch.randn(50, 4, size, size, generator=generator)  # half of it negative
    joints, _ = decode_heatmaps(maps, method=method)
    cells, _ = decode_heatmaps(maps, method="argmax")
    assert (joints - cells).abs().max() <= 8


@EVERY_METHOD
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_map_that_is_not_finite_has_no_joint(method: Decoding, value: float) -> None:
    """Its highest cell is no number: a joint in its place would be counted as found by chance."""
    whole = targets(torch.tensor([[43.0, 52.0], [20.0, 70.0]]).view(1, 1, 2, 2))[0, 0]
    broken = whole.clone()
    broken[1, 0, 0] = value
    joints, score = decode_heatmaps(broken, method=method)
    expected, height = decode_heatmaps(whole, method=method)
    assert torch.equal(joints[0], expected[0])  # the other joint is as before
    assert score[0] == height[0]
    assert joints[1].isnan().all()
    assert score[1].isnan()


def test_smoothing_keeps_a_constant_and_the_sum_of_an_inner_peak() -> None:
    inside = smooth(torch.ones(2, 3, 12, 12), 0.875)[..., 3:-3, 3:-3]
    torch.testing.assert_close(inside, torch.ones(2, 3, 6, 6))
    peak = torch.zeros(12, 12)
    peak[6, 5] = 1
    smoothed = smooth(peak, 0.875)
    assert smoothed.sum().item() == pytest.approx(1)
    assert smoothed[6, 6] / smoothed[6, 5] == pytest.approx(math.exp(-1 / (2 * 0.875**2)))


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="argmax"):
        decode_heatmaps(torch.zeros(2, 4, 4), method="mean")  # type: ignore[arg-type]

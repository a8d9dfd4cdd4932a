"""A person who is encoded into maps comes out of them again."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional as F

from humotion.models.hourglass.decoding import decode
from humotion.models.hourglass.targets import targets
from humotion.params.models.hourglass import HourglassDecoding
from humotion.poses.decoding import decode_heatmaps

STRIDE, CELLS, SIGMA = 4, 40, 4.0
SIDE = STRIDE * CELLS
SHIFTS = ("none", "quarter", "dark", "half")


def encoded(joints: Tensor, visibility: Tensor | None = None, sigma: float = SIGMA) -> Tensor:
    visibility = torch.full(joints.shape[:2], 2) if visibility is None else visibility
    return targets(joints, visibility, CELLS, STRIDE, sigma, "zero").maps


def decoded(maps: Tensor, shift: str = "dark", sigma: float = SIGMA) -> tuple[Tensor, Tensor, Tensor]:
    """Joints (B, J, 2), their scores (B, J), and the scores of the people (B,)."""
    found = decode(maps, HourglassDecoding.model_validate({"shift": shift}), STRIDE, sigma)
    assert all(one.joints.shape[0] == one.joint_scores.shape[0] == len(one.scores) == 1 for one in found)
    parts = ((one.joints[0], one.joint_scores[0], one.scores[0]) for one in found)
    joints, joint_scores, scores = zip(*parts, strict=True)
    return (
        torch.stack([torch.from_numpy(one) for one in joints]),
        torch.stack([torch.from_numpy(one) for one in joint_scores]),
        torch.tensor([float(one) for one in scores]),
    )


def places(seed: int, people: int = 20, margin: float = 0.0) -> Tensor:
    """Joints (people, 17, 2) anywhere in the crop, at least ``margin`` pixels from its edge."""
    random = torch.Generator().manual_seed(seed)
    return torch.rand(people, 17, 2, generator=random) * (SIDE - 2 * margin) + margin - 0.5


@pytest.mark.parametrize(("shift", "cells"), [("none", 0.5), ("quarter", 0.25), ("dark", 0.04), ("half", 0.04)])
def test_joints_come_back_within_a_part_of_a_cell(shift: str, cells: float) -> None:
    truth = places(0, margin=2 * STRIDE)  # the outermost cells have no neighbour to compare with
    joints, scores, _ = decoded(encoded(truth), shift)
    assert (joints - truth).abs().max() <= cells * STRIDE
    assert scores.min() > 0.75  # in the corner of a cell, half a cell from its middle: exp(-1 / 4)


@pytest.mark.parametrize("shift", SHIFTS)
def test_joints_at_the_edge_come_back_within_half_a_cell(shift: str) -> None:
    truth = places(1)
    truth[:, :8, 0] = truth[:, :8, 0] % STRIDE - 0.5
    truth[:, 8:, 1] = SIDE - 0.51 - truth[:, 8:, 1] % STRIDE
    joints, _, _ = decoded(encoded(truth), shift)
    assert (joints - truth).abs().max() <= 0.5 * STRIDE + 1e-3


@pytest.mark.parametrize("sigma", [4.0, 8.0])
def test_it_reads_what_the_decoding_of_complete_maps_reads(sigma: float) -> None:
    maps = encoded(places(2), sigma=sigma)
    maps = maps + 0.05 * torch.randn(maps.shape, generator=torch.Generator().manual_seed(3))
    for shift, method in (("none", "argmax"), ("quarter", "quarter"), ("dark", "dark")):
        joints, _ = decode_heatmaps(F.pad(maps, (0, 0, 0, 0, 0, 1)), STRIDE, method, sigma)  # type: ignore[arg-type]
        torch.testing.assert_close(decoded(maps, shift, sigma)[0], joints, rtol=0, atol=1e-3)


def test_noise_moves_joints_less_with_dark() -> None:
    truth = places(4, people=60, margin=4 * STRIDE)
    maps = encoded(truth)
    maps = maps + 0.1 * torch.randn(maps.shape, generator=torch.Generator().manual_seed(5))
    error = {shift: (decoded(maps, shift)[0] - truth).norm(dim=-1).median().item() for shift in SHIFTS}
    assert error["dark"] < error["quarter"] < error["none"] < 0.5 * STRIDE
    assert error["half"] < error["quarter"]


def test_noise_that_neighbouring_cells_share_moves_joints_less_with_half() -> None:
    truth = places(4, people=60, margin=4 * STRIDE)
    noise = torch.randn(60, 17, CELLS, CELLS, generator=torch.Generator().manual_seed(5))
    smooth = torch.from_numpy(gaussian_filter(noise.numpy(), 1.5 * SIGMA / STRIDE, axes=(-2, -1)))
    maps = encoded(truth) + 0.1 * smooth / smooth.std()
    error = {shift: (decoded(maps, shift)[0] - truth).norm(dim=-1).median().item() for shift in SHIFTS}
    assert error["half"] < 0.9 * error["dark"]


def test_an_empty_map_has_a_joint_without_score() -> None:
    visibility = torch.full((1, 17), 2)
    visibility[0, 3:] = 0
    truth = places(6, people=1, margin=2 * STRIDE)
    truth[0, 3:] = torch.nan
    joints, joint_scores, scores = decoded(encoded(truth, visibility))
    assert joints.isfinite().all()
    assert (joint_scores[0, 3:] == 0).all()
    assert scores[0] == pytest.approx(joint_scores[0, :3].mean().item(), abs=1e-6)


def test_the_score_is_the_mean_of_the_joints_above_the_threshold() -> None:
    maps = torch.zeros(2, 4, CELLS, CELLS)
    maps[0, :, 5, 7] = torch.tensor([0.9, 0.5, 0.19, -0.2])
    maps[1, :, 5, 7] = torch.tensor([0.1, 0.1, 0.15, 0.05])
    _, joint_scores, scores = decoded(maps)
    torch.testing.assert_close(joint_scores[0], torch.tensor([0.9, 0.5, 0.19, 0.0]))
    torch.testing.assert_close(scores, torch.tensor([0.7, 0.0]))
    maps[0, 0, 5, 7] = 1.7  # a network may say more than 1
    assert decoded(maps)[1][0, 0] == 1


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_map_that_is_not_finite_has_no_joint(value: float) -> None:
    truth = places(7, people=2, margin=2 * STRIDE)
    maps = encoded(truth)
    maps[0, 2, 1, 1] = value
    joints, joint_scores, scores = decoded(maps)
    assert joints[0, 2].isnan().all() and joint_scores[0, 2] == 0
    others = [place for place in range(17) if place != 2]
    torch.testing.assert_close(joints[0, others], truth[0, others], atol=0.2, rtol=0)
    assert scores.isfinite().all()


def test_nobody_to_look_at_is_nobody() -> None:
    assert decode(torch.zeros(0, 17, CELLS, CELLS), HourglassDecoding(), STRIDE, SIGMA) == []

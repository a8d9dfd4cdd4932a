"""Maps of several scales brought together, and whole videos in pieces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from humotion.clips.crop import at_scale, crop_geometry
from humotion.inputs.person_crops import ScaledPieces
from humotion.params.inputs import PersonCropParams
from humotion.poses.heatmaps import gaussian_targets
from humotion.store.frames import FrameStore
from humotion.tasks.pose_estimation.training.module import PoseEstimation
from humotion.tasks.pose_estimation.training.multi_scale import CELL_PX, cubic_weights, fuse_scales
from humotion.tasks.pose_estimation.training.outcomes import join_pieces
from tests.support.tiny_models import make_task
from tests.support.tiny_project import build_project

SCALES = (0.8, 1.0, 1.4)
SIZE = 96


def test_windows_keep_their_centres() -> None:
    windows = np.array([[10, 20, 100], [-5, 7, 100]])
    for scale in (*SCALES, 0.37):
        scaled = at_scale(windows, scale)
        assert scaled[0, 2] == round(100 / scale)
        centres = [corner[:, :2] + corner[:, 2:] / 2 for corner in (windows, scaled)]
        assert np.abs(centres[0] - centres[1]).max() <= 0.5


def test_cubic_weights_are_those_of_a_cubic() -> None:
    positions = torch.tensor([2.0, 2.3, 4.9, -0.4, 6.4, -0.6, 6.5])
    weights = cubic_weights(positions, 7)
    torch.testing.assert_close(weights.sum(-1), torch.tensor([1.0, 1, 1, 1, 1, 0, 0]))
    line = torch.arange(7.0)
    for degree in (1, 2):  # reproduced exactly where no border is near
        values = weights[:3] @ line**degree
        torch.testing.assert_close(values, positions[:3] ** degree, atol=1e-4, rtol=0)


def test_fused_maps_have_their_peaks_at_the_joints_and_average_the_scales() -> None:
    """Target maps of the same joints in windows of three sizes: the fused map says where they are, in stored pixels."""
    generator = torch.Generator().manual_seed(0)
    plain = np.array([[40, 30, 120], [44, 31, 120]])
    windows = np.stack([at_scale(plain, scale) for scale in SCALES])  # (S, T, 3)
    crop = torch.from_numpy(crop_geometry(windows, SIZE))
    joints = 75 + 30 * torch.rand(2, 13, 2, generator=generator) + torch.tensor([10.0, 0.0])  # in every window
    in_crops = (joints - crop[:, :, None, :2]) / crop[:, :, None, 2:]
    maps = gaussian_targets(in_crops, torch.full((3, 2, 13), 2), SIZE // 8)
    num_cells = 64
    fused, grid = fuse_scales(maps, crop, 8, num_cells)
    assert fused.shape == (2, 14, num_cells, num_cells)
    task = make_task("pose_estimation")
    assert isinstance(task, PoseEstimation)
    pixels, score = task.decode(fused, CELL_PX)
    found = (pixels - (CELL_PX - 1) / 2) / CELL_PX * grid[:, None, 2:] + grid[:, None, :2]
    assert (found - joints).abs().max() < 1.0
    assert score.min() > 0.8
    only, _ = fuse_scales(maps[:1], crop[:1], 8, num_cells)
    doubled, _ = fuse_scales(maps[:1].repeat(2, 1, 1, 1, 1), crop[:1].repeat(2, 1, 1), 8, num_cells)
    torch.testing.assert_close(only, doubled)


def test_outside_its_window_a_scale_says_nothing() -> None:
    plain = np.array([[0, 0, 96]])
    windows = np.stack([at_scale(plain, scale) for scale in (0.5, 1.0)])
    crop = torch.from_numpy(crop_geometry(windows, SIZE))
    maps = torch.stack([torch.zeros(1, 2, 12, 12), torch.ones(1, 2, 12, 12)])
    fused, grid = fuse_scales(maps, crop, 8, 96)
    side = 192 / 96
    assert grid[0].tolist() == [-48 - 0.5 + side / 2, -48 - 0.5 + side / 2, side]
    torch.testing.assert_close(fused[0, 0, 24:72, 24:72], torch.full((48, 48), 0.5))
    assert fused[0, 0].sum().item() == pytest.approx(0.5 * 48 * 48)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_project(tmp_path_factory.mktemp("project"))


def pieces_of(project: Path, scales: tuple[float, ...], num_frames: int) -> ScaledPieces:
    prepared = project / "prepared" / "tiny"
    store = FrameStore(prepared / "frames", prepared / "frames.parquet")
    frames = {name: np.arange(store[name].num_frames) for name in ("v01", "v02")}
    rows = [{"video_id": name, "person": 0, "frame_indices": indices} for name, indices in frames.items()]
    return ScaledPieces(pd.DataFrame(rows), store, PersonCropParams(size=32), scales, num_frames)


def predictions(project: Path, scales: tuple[float, ...], num_frames: int) -> list[dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    task = make_task("pose_estimation").eval()
    assert isinstance(task, PoseEstimation)
    module = task.at_scales(scales)
    with torch.inference_mode():
        return join_pieces([module.predict_step(piece) for piece in pieces_of(project, scales, num_frames)])  # type: ignore[attr-defined]


def test_memory_of_every_scale_is_carried_from_piece_to_piece_and_no_further(project: Path) -> None:
    whole, pieces = (predictions(project, SCALES, num_frames) for num_frames in (100, 2))
    assert [video["joints"].shape[1] for video in whole] == [5, 6]
    for one, other in zip(whole, pieces, strict=True):
        assert one["clip_index"].tolist() == other["clip_index"].tolist()
        assert one["joints"].shape == other["joints"].shape
        torch.testing.assert_close(one["joints"], other["joints"], atol=1e-2, rtol=0)
        torch.testing.assert_close(one["score"], other["score"])


def test_pieces_get_shorter_as_scales_get_more() -> None:
    task = make_task("pose_estimation")
    assert isinstance(task, PoseEstimation)
    assert task.at_scales(SCALES).num_frames == 5
    assert task.at_scales(tuple(np.linspace(0.5, 1.5, 40))).num_frames == 1


def test_a_piece_shows_the_person_at_every_scale(project: Path) -> None:
    pieces = pieces_of(project, SCALES, 4)
    assert [(row, start) for row, start in pieces.pieces] == [(0, 0), (0, 4), (1, 0), (1, 4)]
    piece = pieces[1]
    assert piece["frames"].shape == (3, 1, 3, 32, 32)
    assert not piece["is_first"]
    coloured = (piece["frames"].float().std(dim=2) > 30).float().mean(dim=(1, 2, 3))  # the square, on grey
    assert coloured[0] < coloured[1] < coloured[2]

"""A pose machine whose maps are read: they are what its heatmaps are computed from, at the places of the picture."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from humotion.annotation.joint_features import tool
from humotion.annotation.shared.given import Given
from humotion.datasets.penn_action import SKELETON
from humotion.errors import HumotionError
from humotion.models.common.build import build_model
from humotion.models.pose_machine.frozen import open_frozen, weights
from humotion.models.pose_machine.layers import focus_kernels
from humotion.models.pose_machine.machine import PoseMachine
from humotion.params.annotation.joint_features import NORMALISED, JointFeaturesParams
from tests.support.clips import Clip
from tests.support.repository import REPOSITORY

SIDE = 64


def saved(folder: Path, name: str = "lstm_pm", **sizes: Any) -> tuple[PoseMachine, Path]:
    torch.manual_seed(0)
    model = build_model("pose_machine", name, num_joints=13, input_size=SIDE, **{"width": 0.1, "init": "he", **sizes})
    assert isinstance(model, PoseMachine)
    save_file(model.state_dict(), folder / "model.safetensors")
    return model.eval(), folder / "model.safetensors"


def pictures(number: int = 2) -> torch.Tensor:
    return torch.randint(0, 256, (number, 3, SIDE, SIDE), dtype=torch.uint8)


@pytest.mark.parametrize("name", ["lstm_pm", "rpm", "cpm"])
def test_the_first_heatmaps_are_computed_from_the_map(tmp_path: Path, name: str) -> None:
    model, path = saved(tmp_path, name, **({"stages": 2} if name == "cpm" else {}))
    frames = pictures()
    frozen = open_frozen(path, SIDE, None, **NORMALISED)
    found, vector = frozen(frames)
    assert (frozen.channels, frozen.stride, found.shape) == (48, 8, (2, 48, 8, 8))
    torch.testing.assert_close(vector, found.mean((2, 3)))
    first = model.get_submodule("convnet1")
    assert isinstance(first, nn.Sequential)
    with torch.no_grad():
        expected = first(model.normalise(frames))
        torch.testing.assert_close(first[-1](found.clone()), expected, atol=1e-5, rtol=1e-4)
    assert expected.std() > 0


@pytest.mark.parametrize(
    ("depth", "channels", "stride"), [(1, 16, 2), (2, 16, 4), (3, 16, 8), (4, 32, 8), (5, 48, 8), (6, 48, 8)]
)
def test_inner_maps(tmp_path: Path, depth: int, channels: int, stride: int) -> None:
    frozen = open_frozen(saved(tmp_path)[1], SIDE, depth, **NORMALISED)
    found, _ = frozen(pictures())
    assert (frozen.channels, frozen.stride) == (channels, stride)
    assert found.shape == (2, channels, SIDE // stride, SIDE // stride)
    assert (found >= 0).all(), "a map is read after its ReLU"


@pytest.mark.parametrize("depth", [1, 3, None])
def test_the_map_has_things_where_they_are(tmp_path: Path, depth: int | None) -> None:
    """What a spot of the picture changes lies around it in the map: not mirrored, and rows are rows."""
    model, path = saved(tmp_path)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            focus_kernels(layer.weight, sigma=0.5)
            layer.weight.data.abs_()  # more light is more of everything
    save_file(model.state_dict(), path)
    frozen = open_frozen(path, SIDE, depth, **NORMALISED)
    frames = torch.full((2, 3, SIDE, SIDE), 128, dtype=torch.uint8)
    frames[1, :, 16:24, 40:48] = 255  # its middle: row 20, column 44
    plain, lit = frozen(frames)[0]
    change = (lit - plain).sum(0)
    assert change.sum() > 0
    places = (torch.arange(len(change)) + 0.5) * frozen.stride  # middles of cells, in pixels
    row, column = ((change.sum(axis) * places).sum() / change.sum() for axis in (1, 0))
    # The pools have no padding, so a cell sees up to seven pixels more to the right and down. Half of it is a shift.
    assert row == pytest.approx(20, abs=4.5) and column == pytest.approx(44, abs=4.5)


def test_its_normalisation_is_that_of_its_training() -> None:
    chosen = {"dataset": "any", "tool": "joint_features", "of": "people", "backbone": "pose_machine", "weights": "x"}
    settings = JointFeaturesParams.model_validate(chosen)
    frames = pictures(1)
    mean, std = (torch.tensor(values).reshape(-1, 1, 1) for values in (settings.mean, settings.std))
    torch.testing.assert_close((frames.float() / 255 - mean) / std, PoseMachine.normalise(frames))
    assert JointFeaturesParams.model_validate({**chosen, "mean": [0.5, 0.5, 0.5]}).mean == (0.5, 0.5, 0.5)


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    _, path = saved(tmp_path)
    with pytest.raises(HumotionError, match=r"needs `weights`.*models/lstm_pm/model\.safetensors"):
        weights(None)
    with pytest.raises(HumotionError, match="There is no checkpoint"):
        weights(tmp_path / "none.safetensors")
    assert weights(path) == path
    with pytest.raises(HumotionError, match="side is 60, but a pose machine needs a multiple of 8"):
        open_frozen(path, 60, None, **NORMALISED)
    for depth in (0, 7):
        with pytest.raises(HumotionError, match=f"depth is {depth}, but the first stage of a pose machine has 6"):
            open_frozen(path, SIDE, depth, **NORMALISED)
    content = load_file(path)
    save_file({**content, "convnet1.3.weight": content["convnet1.0.weight"].clone()}, path)
    with pytest.raises(HumotionError, match=r"not of a pose machine of this version: 3\.weight is"):
        open_frozen(path, SIDE, None, **NORMALISED)
    save_file({"head.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(HumotionError, match=r"not of a pose machine: it has no convnet1\.\*"):
        open_frozen(path, SIDE, None, **NORMALISED)


def test_the_features_of_a_trained_model_at_the_joints(tmp_path: Path) -> None:
    """A model folder of this project, which an earlier version trained, as the backbone of a layer."""
    with tarfile.open(REPOSITORY / "tests/prediction/older_models.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    path = tmp_path / "older_models/pose/artifacts/pose/model.safetensors"
    frames = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    cells = np.random.default_rng(1).integers(0, 8, (3, 13, 2))  # column, row
    landmarks = np.zeros((1, 3, 13, 3), np.float32)
    landmarks[0, ..., :2] = (cells + 0.5) / 8
    people = {"landmarks": landmarks, "visibility": np.ones((1, 3, 13), np.float32), "found": np.ones((1, 3), bool)}
    chosen = {"dataset": "any", "tool": "joint_features", "of": "people", "joints": "all", "side": SIDE}
    settings = JointFeaturesParams.model_validate({**chosen, "backbone": "pose_machine", "weights": path})
    clip = Clip(frames)
    video = Given(clip, clip.width, clip.height, clip.num_frames, clip.fps, annotation=people, skeleton=SKELETON)
    arrays = tool.open_tool(settings)(video)
    maps, _ = open_frozen(path, SIDE, None, **NORMALISED)(torch.from_numpy(frames).permute(0, 3, 1, 2))
    assert maps.std() > 0
    assert arrays["features"].shape == (1, 3, 13, maps.shape[1])
    for t in range(3):
        expected = maps[t].numpy()[:, cells[t, :, 1], cells[t, :, 0]].T
        np.testing.assert_allclose(arrays["features"][0, t], expected, rtol=2e-3, atol=2e-3)
    assert tool.weights(settings) == {"model.safetensors": path}

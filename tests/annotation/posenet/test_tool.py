"""PoseNet on real footage: who is found, in which units, and the same bytes however the frames are grouped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from humotion.annotation.posenet import tool
from humotion.annotation.shared.given import Given
from humotion.errors import HumotionError
from humotion.params.annotation.posenet import PoseNetParams
from tests.support.clips import GOLF, Clip, real_clip


@pytest.fixture
def folder(real_data: Path) -> Path:
    return real_data / "multi" / "posenet"


def settings(folder: Path | None, **changes: Any) -> PoseNetParams:
    return PoseNetParams(dataset="any", tool="posenet", backbone="person_lab", weights=folder, **changes)


def given(frames: np.ndarray) -> Given:
    clip = Clip(frames)
    return Given(clip, clip.width, clip.height, clip.num_frames, clip.fps)


def test_the_couple_in_pixels_of_the_frame(folder: Path) -> None:
    photo = cv2.cvtColor(cv2.imread(str(folder / "test_couple.jpg")), cv2.COLOR_BGR2RGB)
    frames = np.stack([photo, np.zeros_like(photo)])
    found = tool.open_tool(settings(folder, side=481))(given(frames))
    assert found["found"][:, 0].sum() == 2
    assert not found["found"][:, 1].any()
    assert np.isnan(found["landmarks"][:, 1]).all()
    nose = tool.SKELETON.joints.index("nose")
    height, width = photo.shape[:2]
    pixels = found["landmarks"][:, 0, nose, :2] * [width, height]
    expected = np.array([[203.6, 97.6], [257.9, 105.1]]) * [width / 481, height / 353]  # as published
    np.testing.assert_allclose(pixels, expected, atol=6 * width / 481)
    boxes = found["boxes"][:, 0]
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= [width - 1, height - 1]).all()
    assert (boxes[:, 3] - boxes[:, 1] > 0.4 * height).all()


def test_frames_in_other_groups_give_the_same_bytes(
    folder: Path, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = real_clip(real_data, GOLF, 9).frames
    whole = tool.open_tool(settings(folder))(given(frames))
    assert whole["found"][0].all()
    monkeypatch.setattr(tool, "AT_ONCE", 4)
    again = tool.open_tool(settings(folder))(given(frames))
    assert all(whole[name].tobytes() == again[name].tobytes() for name in whole)


def test_missing_and_other_files_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="humotion fetch posenet"):
        tool.weights(settings(tmp_path))
    for name in ("posenet.json", "posenet.bin"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(HumotionError, match="not the published file"):
        tool.weights(settings(tmp_path))

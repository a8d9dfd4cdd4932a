"""Pictures of a memory: written, of the size they should have, and showing what they are given."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.figures.heat import heat_over
from humotion.tasks.pose_estimation.evaluation.memory_figures import draw_memory, plot_channels, plot_reliance


def test_heat_lies_where_the_values_are() -> None:
    values = np.zeros((8, 8))
    values[1, 6] = 1
    drawn = heat_over(np.zeros((64, 64, 3), np.uint8), values)
    assert drawn[12, 52].sum() > 400  # the middle of that cell
    assert drawn[52, 12].sum() < 20


def test_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = PENN_ACTION.joints
    crops = rng.integers(0, 255, (5, 64, 64, 3), np.uint8)
    cells, shares = rng.normal(size=(5, 7, 8, 8)), rng.uniform(size=(5, 13))
    joints = rng.uniform(0, 64, (5, 13, 2))
    shaded = np.full((5, 13), 1, np.uint8)
    plot_reliance(tmp_path / "shaded.png", shares, shaded, names, "title")
    plot_reliance(tmp_path / "plain.png", shares, None, names, "title")
    shaded_picture, plain = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("shaded", "plain"))
    assert shaded_picture.mean() < plain.mean() - 5
    plot_channels(tmp_path / "channels.png", crops, cells, rng.uniform(size=(7, 13)), names, "title")
    assert cv2.imread(str(tmp_path / "channels.png")).std() > 10
    video = draw_memory(crops, cells, cells, joints, shares, PENN_ACTION)
    assert len(video) == 5 and video[0].shape == (256, 768, 3)

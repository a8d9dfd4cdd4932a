"""Turned crops: dots that are drawn at known places must lie where the labels say."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import simplejpeg
import torch
from pydantic import ValidationError

from humotion.clips.augment import Policy
from humotion.clips.crop import clip_windows
from humotion.clips.geometry import Turn, crop_matrices, draw, move, warp
from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.inputs.person_crops import PersonCrops
from humotion.params.inputs import GeometryParams
from humotion.store.frames import FrameStore, PackedVideo, write_shard

WIDTH, HEIGHT, SIZE = 160, 120, 64
LEFT_WRIST, RIGHT_WRIST = PENN_ACTION.joints.index("l_wrist"), PENN_ACTION.joints.index("r_wrist")
Images = npt.NDArray[np.uint8]


def dot(x: float, y: float) -> Images:
    """A bright Gaussian dot of 3 pixels on grey."""
    columns, rows = np.arange(WIDTH), np.arange(HEIGHT)[:, None]
    light = 100 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 3.0**2))
    return np.repeat((128 + light)[..., None], 3, axis=2).round().astype(np.uint8)


def centroid(picture: Images) -> tuple[float, float]:
    light = np.maximum(picture[..., 0].astype(float) - 135, 0)  # more than what JPEG adds
    return tuple(float((light * axis).sum() / light.sum()) for axis in np.meshgrid(*map(np.arange, light.shape[::-1])))


@pytest.mark.parametrize("scale", [0.45, 0.8, 1.0, 1.7])
@pytest.mark.parametrize("degrees", [0, 37, -90])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_dot_lies_where_its_label_says(scale: float, degrees: float, mirrored: bool) -> None:
    box = np.array([[60, 40, 100, 81]], np.float32)
    (matrix,) = crop_matrices(box, SIZE, scale, Turn(1.0, np.deg2rad(degrees), mirrored), fit=False)
    for x, y in itertools.product((74.3, 88.0), (55.6, 64.0)):
        expected = move(np.array([[[x, y]]], np.float32), matrix[None])[0, 0]
        assert centroid(warp(dot(x, y), matrix, SIZE)) == pytest.approx(expected, abs=0.1)


def test_matrices_by_hand() -> None:
    """A quarter turn at half size: x to the right becomes y downwards, centred at each frame's own box."""
    boxes = np.array([[10, 20, 30, 60], [12, 20, 32, 60]], np.float32)  # centres (20, 40) and (22, 40)
    matrices = crop_matrices(boxes, 9, 1.0, Turn(0.5, np.pi / 2, False), fit=False)
    points = np.array([[[20, 40], [24, 40], [20, 42]]] * 2, np.float32)
    np.testing.assert_allclose(move(points, matrices)[0], [[4, 4], [4, 6], [3, 4]], atol=1e-6)
    np.testing.assert_allclose(move(points, matrices)[1], [[4, 3], [4, 5], [3, 3]], atol=1e-6)


def test_a_person_that_would_not_fit_shrinks_the_whole_clip() -> None:
    boxes = np.array([[0, 0, 30, 40], [0, 0, 30, 50]], np.float32)
    small = crop_matrices(boxes, 100, 1.9, Turn(1.0, 0.0, False), fit=True)  # 95 fit into 100
    large = crop_matrices(boxes, 100, 2.1, Turn(1.0, 0.0, False), fit=True)  # 105 do not
    assert small[:, 0, 0].tolist() == pytest.approx([1.9, 1.9])
    assert large[:, 0, 0].tolist() == pytest.approx([100 / 1.1 / 50] * 2)
    # Turned by 45 degrees a box of 30 x 50 is 56.57 wide.
    turned = crop_matrices(boxes, 100, 1.9, Turn(1.0, np.pi / 4, False), fit=True)
    assert np.linalg.det(turned[0, :, :2]) == pytest.approx((100 / 1.1 / (80 / np.sqrt(2))) ** 2)
    # The crops of evaluation follow the same rule, without a turn: 95 fit into 100, and 105 do not.
    assert clip_windows(boxes, 100, 1.25, 1.9)[:, 2].tolist() == [53, 53]
    assert clip_windows(boxes, 100, 1.25, 2.1)[:, 2].tolist() == [55, 55]
    assert clip_windows(boxes, 100, 1.25)[0, 2] == 63


def test_draws_fill_their_ranges() -> None:
    turns = [draw(GeometryParams(scale=(0.8, 1.4), rotate=40, flip=0.5), seed) for seed in range(400)]
    scales, degrees = np.array([turn.scale for turn in turns]), np.rad2deg([turn.angle for turn in turns])
    for values, low, high in ((scales, 0.8, 1.4), (degrees, -40, 40)):
        assert low <= values.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < values.max() <= high
    assert 0.42 < np.mean([turn.mirrored for turn in turns]) < 0.58
    assert abs(np.corrcoef(scales, degrees)[0, 1]) < 0.15
    # Not the numbers that a policy of the same seed draws.
    assert draw(GeometryParams(scale=(0.5, 1.5)), 3).scale != 0.5 + np.random.default_rng(3).random()
    with pytest.raises(ValidationError, match="smallest value first"):
        GeometryParams(scale=(1.2, 0.8))


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    """A video whose frames are one bright dot at the left wrist, on a box that wanders."""
    wrists = np.array([[70, 50], [76, 54], [82, 58]], np.float32)
    joints = np.tile(np.array([80, 60], np.float32), (3, 13, 1))
    joints[:, LEFT_WRIST] = wrists
    joints[:, 0] = [-8, 60]  # the head lies outside the frame
    boxes = np.array([[60, 40, 100, 80], [64, 42, 104, 82], [68, 44, 108, 84]], np.float32)
    jpegs = [simplejpeg.encode_jpeg(dot(*wrist), quality=98) for wrist in wrists]
    video = PackedVideo("v", WIDTH, HEIGHT, 25.0, jpegs, joints[None], np.full((1, 3, 13), 2, np.uint8), boxes[None])
    (tmp_path / "frames").mkdir()
    write_shard(tmp_path / "frames" / "shard-000.arrow", [video], PENN_ACTION)
    row = {"video_id": ["v"], "shard": [0], "row": [0], "num_frames": [3], "method": ["x"], "status": ["ok"]}
    pd.DataFrame({**row, "error": [None], "digest": ["0"]}).to_parquet(tmp_path / "frames.parquet")
    return FrameStore(tmp_path / "frames", tmp_path / "frames.parquet")


PLAIN_POLICY = Policy.compile([], SIZE, True)


@pytest.mark.parametrize("pixel_scale", [None, 0.8, 1.3])
def test_a_view_turns_frames_and_labels_alike(store: FrameStore, pixel_scale: float | None) -> None:
    geometry = GeometryParams(scale=(0.8, 1.2), rotate=40, flip=0.5)
    view = PersonCrops(SIZE, 1.25, PENN_ACTION, PLAIN_POLICY, pixel_scale, geometry)
    flips = set()
    for seed in range(8):
        sample = view(store["v"], 0, np.arange(3)[:, None], seed)
        turn = draw(geometry, seed)
        flips.add(turn.mirrored)
        wrist = RIGHT_WRIST if turn.mirrored else LEFT_WRIST
        for frame, joints in zip(sample["frames"][:, 0], sample["joints"], strict=True):
            found = centroid(frame.permute(1, 2, 0).numpy())
            assert found == pytest.approx(joints[wrist].tolist(), abs=0.25)  # JPEG and whole grey values
        assert (sample["visibility"][:, 0] == 0).all()  # outside the frame there is nothing to see
        assert (sample["visibility"][:, 1:] == 2).all()
        # One scale for all frames; each crop is centred at its own box.
        apart = (sample["joints"][:, LEFT_WRIST] - sample["joints"][:, RIGHT_WRIST]).norm(dim=1)
        stored = np.linalg.norm(store["v"].joints[0, :, LEFT_WRIST] - [80, 60], axis=1)
        scale = apart / torch.from_numpy(stored)
        expected = (pixel_scale or SIZE / 50) * turn.scale
        extent = 40 * (np.cos(turn.angle) + abs(np.sin(turn.angle)))
        if pixel_scale is not None and expected * extent > SIZE:
            expected = SIZE / 1.1 / extent
        assert scale.tolist() == pytest.approx([expected] * 3, rel=1e-4)
        centres = (sample["box"][:, :2] + sample["box"][:, 2:]) / 2
        assert centres.flatten().tolist() == pytest.approx([(SIZE - 1) / 2] * 6, abs=1e-3)
    assert flips == {False, True}


def test_without_a_turn_training_sees_what_evaluation_sees(store: FrameStore) -> None:
    trained = PersonCrops(50, 1.25, PENN_ACTION, Policy.compile([], 50, True), None, GeometryParams())
    evaluated = PersonCrops(50, 1.25, PENN_ACTION)
    one, other = (view(store["v"], 0, np.arange(3)[:, None], 0) for view in (trained, evaluated))
    # Evaluation crops at whole pixels: half a pixel apart at most.
    assert (one["joints"] - other["joints"]).abs().max() <= 0.5
    assert torch.equal(one["crop"], other["crop"])


def test_corners_of_a_turned_crop_show_the_frame() -> None:
    """What lies beyond the upright crop comes in; turning the crop itself would leave grey corners."""
    boxes = np.array([[60, 40, 100, 80]], np.float32)
    (matrix,) = crop_matrices(boxes, SIZE, SIZE / 50, Turn(1.0, np.pi / 4, False), fit=False)
    picture = warp(np.full((HEIGHT, WIDTH, 3), 250, np.uint8), matrix, SIZE)
    assert (picture == 250).all()
    (away,) = crop_matrices(boxes - 100, SIZE, SIZE / 50, Turn(1.0, 0.3, False), fit=False)
    assert (warp(np.full((HEIGHT, WIDTH, 3), 250, np.uint8), away, SIZE)[0, 0] == 128).all()

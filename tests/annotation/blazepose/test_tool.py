"""The whole tool on real clips, against recorded values of MediaPipe's own package."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humotion.annotation.blazepose import tool
from humotion.annotation.blazepose.detector import OUTPUTS, Detector
from humotion.annotation.blazepose.runtime import open_network
from humotion.annotation.shared.contract import load_tool
from humotion.annotation.shared.given import annotate
from humotion.errors import HumotionError
from humotion.params.annotation.blazepose import BlazePoseParams
from humotion.store.blazepose import SKELETON
from tests.annotation.blazepose.tools import settings
from tests.support.clips import CATCH, GOLF, Clip, real_clip

TASKS = np.load(Path(__file__).parent / "tasks_values.npz")
"""MediaPipe Tasks 1.2.3, PoseLandmarker in mode VIDEO (25 frames/s, from 1 s on), with the same networks, on the first
20 frames: ``<model>/<clip>/landmarks`` (T, 33, 5) x y z visibility presence, and ``world`` (T, 33, 3)."""


@lru_cache
def opened(chosen: BlazePoseParams) -> Any:
    return tool.open_tool(chosen)


def found_in(clip: Clip, weights: Path, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = opened(settings(weights, **changes))(clip)
    return found


@pytest.mark.parametrize("model", ["lite", "full"])
@pytest.mark.parametrize(("name", "clip"), [(GOLF, "golf"), (CATCH, "catch")])
def test_values_of_mediapipe(real_data: Path, weights: Path, model: str, name: str, clip: str) -> None:
    found = found_in(real_clip(real_data, name, 20), weights, model=model)
    expected, world = TASKS[f"{model}/{clip}/landmarks"], TASKS[f"{model}/{clip}/world"]
    assert found["found"].all()
    off = np.linalg.norm((found["landmarks"][0, ..., :2] - expected[..., :2]) * [320, 240], axis=-1)  # (T, 33) pixels
    # Small differences feed back: each pose says where to look next. So the first frames agree best.
    assert np.median(off[:4]) < 0.25 and off[:4].mean() < 0.6
    assert np.median(off) < 0.8
    depth = np.abs(found["landmarks"][0, ..., 2] - expected[..., 2]) * 320
    assert np.median(depth[:4]) < 2
    assert np.median(np.abs(found["visibility"][0] - expected[..., 3])) < 0.005
    assert np.median(np.abs(found["presence"][0] - expected[..., 4])) < 0.005
    in_space = np.linalg.norm(found["world"][0] - world, axis=-1)
    assert np.median(in_space[:4]) < 0.008 and np.median(in_space) < 0.02


def test_without_refinement_or_smoothing_it_is_further_away(real_data: Path, weights: Path) -> None:
    clip, expected = real_clip(real_data, GOLF, 4), TASKS["full/golf/landmarks"][:4]

    def distance(**changes: Any) -> float:
        found = found_in(clip, weights, **changes)["landmarks"][0, ..., :2]
        return float(np.median(np.linalg.norm((found - expected[..., :2]) * [320, 240], axis=-1)))

    assert distance() < 0.25
    assert distance(refine=False) > 2 * distance()
    assert distance(smoothing=None) > 2 * distance()


def test_the_arrays(real_data: Path, weights: Path) -> None:
    clip = real_clip(real_data, GOLF, 3)
    found = found_in(clip, weights, model="lite")
    assert {name: (array.shape, array.dtype.name) for name, array in found.items()} == {
        "landmarks": ((1, 3, 33, 3), "float32"),
        "visibility": ((1, 3, 33), "float32"),
        "presence": ((1, 3, 33), "float32"),
        "world": ((1, 3, 33, 3), "float32"),
        "boxes": ((1, 3, 4), "float32"),
        "found": ((1, 3), "bool"),
    }
    x0, y0, x1, y1 = found["boxes"][0, 0]
    points = found["landmarks"][0, 0, :, :2] * [320, 240]
    np.testing.assert_allclose([x0, y0, x1, y1], [*points.min(axis=0), *points.max(axis=0)], atol=1e-3)
    hips = found["world"][0, 0, 23:25].mean(axis=0)
    assert np.linalg.norm(hips) < 0.05, "the origin is between the hips"
    assert load_tool("blazepose").SKELETON == SKELETON


def test_boxes_stay_in_the_frame(real_data: Path, weights: Path) -> None:
    """A person at the edge: the landmarks may leave the frame, the box does not."""
    clip = real_clip(real_data, CATCH, 2)
    bottom = int(np.quantile(found_in(clip, weights, model="lite")["landmarks"][0, 0, :, 1] * clip.height, 0.7))
    upper = Clip(np.ascontiguousarray(clip.frames[:, :bottom]))  # the legs are cut off
    found = found_in(upper, weights, model="lite")
    assert found["found"].all()
    assert found["landmarks"][0, ..., 1].max() > 1
    assert found["boxes"][..., 3].max() == bottom - 1 and found["boxes"].min() >= 0


def test_of_two_people_the_likeliest_is_followed_until_it_is_lost(real_data: Path, weights: Path) -> None:
    one = real_clip(real_data, CATCH, 5).frames
    both = np.concatenate([one, one[:, :, ::-1]], axis=2)  # the person and its mirror image
    detector = Detector(open_network(weights / "pose_detection.tflite", OUTPUTS, "litert"))
    best, other = detector.detect(both[0])
    assert best.score > other.score and best.region.x < 320 < other.region.x
    followed = found_in(Clip(both), weights, model="lite")
    assert followed["found"].tolist() == [[True] * 5]
    assert (followed["landmarks"][0, ..., 0].mean(1) < 0.5).all()
    both[3:, :, :320] = 128  # the first person is gone
    followed = found_in(Clip(both), weights, model="lite")
    assert followed["found"].tolist() == [[True] * 5]
    assert (followed["landmarks"][0, ..., 0].mean(1) > 0.5).tolist() == [False, False, False, True, True]


def test_nobody_at_all(weights: Path) -> None:
    grey = Clip(np.full((3, 90, 120, 3), 128, np.uint8))
    found = found_in(grey, weights, model="lite")
    assert {name: array.shape[:2] for name, array in found.items()} == dict.fromkeys(found, (0, 3))
    assert found.keys() == tool.nobody(3).keys()
    assert {name: array.dtype for name, array in found.items()} == {k: a.dtype for k, a in tool.nobody(3).items()}


def test_somebody_only_in_some_frames(real_data: Path, weights: Path) -> None:
    frames = real_clip(real_data, GOLF, 5).frames.copy()
    frames[2] = 128
    found = found_in(Clip(frames), weights, model="lite")
    assert found["found"][0].tolist() == [True, True, False, True, True]
    for name, array in found.items():
        if name != "found":
            assert np.isnan(array[0, 2]).all() and np.isfinite(array[0, [0, 1, 3, 4]]).all(), name
    # Smoothing starts anew after the gap: frame 3 is as if it were the first.
    alone = found_in(Clip(frames[3:]), weights, model="lite")
    np.testing.assert_allclose(found["landmarks"][0, 3], alone["landmarks"][0, 0], atol=0.02)


def test_a_video_does_not_depend_on_the_one_before(real_data: Path, weights: Path) -> None:
    golf, catch = real_clip(real_data, GOLF, 3), real_clip(real_data, CATCH, 3)
    first = found_in(golf, weights, model="lite")
    found_in(catch, weights, model="lite")
    again = found_in(golf, weights, model="lite")
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])


def test_frames_of_any_size(real_data: Path, weights: Path) -> None:
    golf = real_clip(real_data, GOLF, 1).frames
    for frames in (golf[:, ::8, ::8], golf[:, :1, :1], np.repeat(golf, 2, axis=1)):
        found = found_in(Clip(np.ascontiguousarray(frames)), weights, model="lite")
        assert found["found"].shape[1] == 1


def test_labelled_boxes_with_opencv(real_data: Path, weights: Path) -> None:
    clip = real_clip(real_data, GOLF, 4)
    by_detector = found_in(clip, weights)
    clip.boxes = by_detector["boxes"].copy()
    with_boxes = found_in(clip, weights, regions="labels", runtime="opencv")
    assert with_boxes["found"].all()
    off = np.linalg.norm((with_boxes["landmarks"] - by_detector["landmarks"])[..., :2] * [320, 240], axis=-1)
    assert np.median(off) < 3
    clip.boxes = None
    assert len(found_in(clip, weights, regions="labels", runtime="opencv")["found"]) == 0  # no detector
    assert found_in(clip, weights, regions="labels")["found"].all()  # the detector where there are no labels


def test_what_is_missing_is_named(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(HumotionError, match=r"pose_detection.tflite is missing.*humotion fetch blazepose"):
        load_tool("blazepose").weights(settings(tmp_path))
    for name in ("pose_detection.tflite", "pose_landmark_lite.tflite"):
        (tmp_path / name).write_bytes((weights / name).read_bytes())
    assert list(load_tool("blazepose").weights(settings(tmp_path, model="lite"))) == [
        "pose_detection.tflite",
        "pose_landmark_lite.tflite",
    ]
    with (tmp_path / "pose_landmark_lite.tflite").open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"damage")
    with pytest.raises(HumotionError, match=r"pose_landmark_lite.tflite is not the published file"):
        annotate(settings(tmp_path, model="lite"), Clip(np.zeros((1, 8, 8, 3), np.uint8)))
    with pytest.raises(ValueError, match="runtime: opencv runs no detector"):
        settings(weights, runtime="opencv")

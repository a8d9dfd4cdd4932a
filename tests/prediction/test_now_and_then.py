"""Boxes of a tool that looks at every few frames: between two looks, at the end, and where a shot starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humotion.annotation.shared.contract import load_tool
from humotion.prediction import layer
from humotion.prediction.layer import people_tool, with_person
from humotion.prediction.now_and_then import EVERY, NowAndThen, between_looks
from humotion.prediction.predictor import DecodedVideo, read_video
from tests.support.trees import write_video


def boxes_at(*lefts: float) -> np.ndarray:
    return np.array([[[left, 0, left + 10, 20] for left in lefts]], np.float32)


def shots(num_frames: int, *starts: int) -> np.ndarray:
    found = np.zeros(num_frames, bool)
    found[[0, *starts]] = True
    return found


def lefts_of(found: list[bool], lefts: list[float], at: list[int], starts: np.ndarray) -> list[float | None]:
    looks = {"boxes": boxes_at(*lefts), "found": np.array([found])}
    filled = between_looks(looks, np.array(at), starts)
    assert (np.isfinite(filled["boxes"]).all(axis=2) == filled["found"]).all()
    return [
        round(float(box[0]), 3) if known else None
        for box, known in zip(filled["boxes"][0], filled["found"][0], strict=True)
    ]


@pytest.mark.parametrize(
    ("found", "at", "starts", "expected"),
    [
        ([True, True], [0, 4], shots(5), [0, 10, 20, 30, 40]),
        ([True, False], [0, 4], shots(5), [0, 0, 0, None, None]),  # in the middle, the look before counts
        ([False, True], [0, 4], shots(5), [None, None, None, 40, 40]),
        ([True, True], [0, 4], shots(5, 1), [0, 40, 40, 40, 40]),
        ([True, True], [0, 4], shots(5, 4), [0, 0, 0, 0, 40]),
        ([True, True], [0, 4], shots(5, 1, 3), [0, None, None, 40, 40]),  # nobody looked at the second shot
        ([True], [0], shots(1), [0]),
    ],
)
def test_a_box_is_on_the_line_between_two_looks_of_a_shot(
    found: list[bool], at: list[int], starts: np.ndarray, expected: list[float | None]
) -> None:
    assert lefts_of(found, [0, 40][: len(at)], at, starts) == expected


def test_nobody_was_found_at_all() -> None:
    looks = {"boxes": np.zeros((0, 2, 4), np.float32), "found": np.zeros((0, 2), bool)}
    filled = between_looks(looks, np.array([0, 4]), shots(5))
    assert filled["boxes"].shape == (0, 5, 4) and filled["found"].shape == (0, 5)


@pytest.mark.parametrize(("num_frames", "expected"), [(1, [0]), (4, [0, 3]), (5, [0, 4]), (10, [0, 4, 8, 9])])
def test_the_last_frame_is_looked_at_too(num_frames: int, expected: list[int]) -> None:
    frames = np.arange(num_frames, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 6, 3), np.uint8)
    seen = NowAndThen(DecodedVideo(frames, 20.0), 4)
    assert seen.at.tolist() == expected and seen.num_frames == len(expected) and seen.fps == 5
    assert [int(frame[0, 0, 0]) for frame in seen] == expected
    assert seen.decode(np.arange(len(expected)))[:, 0, 0, 0].tolist() == expected


def test_the_tool_looks_once_for_all_models(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = real_data / "blazepose"
    if not (weights / "pose_detection.tflite").exists():
        pytest.skip(f"no weights of BlazePose in {weights}")
    seen: list[int] = []
    annotate = layer.annotate

    def counted(settings: Any, video: Any, read: Any) -> Any:
        seen.append(video.num_frames)
        return annotate(settings, video, read)

    monkeypatch.setattr(layer, "annotate", counted)
    tool = people_tool(weights)
    assert hasattr(load_tool(tool.tool), "follow")
    video = read_video(write_video(tmp_path / "clip.mp4", num_frames=10))
    first, second = with_person(video, tool), with_person(video, tool)
    assert seen == [4] and first.annotation is second.annotation and EVERY == 4
    assert first.annotation["found"].shape[1] == 10

"""Five people at once, and nobody: what is said of whom, by BlazePose's published networks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from humotion.prediction.predict_videos import predict_videos
from humotion.prediction.timeline.watch import WindowSettings
from tests.support.footage import ffmpeg, needs_ffmpeg
from tests.support.tiny_models import make_task, write_model_folder

pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed (pip install -e '.[landmarks]')")
pytestmark = needs_ffmpeg
ACTIONS = ("golf", "jump", "walk", "pullup", "swing_baseball")
WIDTH = 320


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(write_model_folder(tmp_path / "pose", make_task("pose_estimation"), "pose_estimation"))


def predicted(path: Path, model: str, weights: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    predict_videos([str(path)], [model], None, as_json=True, settings=WindowSettings(weights=weights))
    (facts,) = json.loads(capsys.readouterr().out)["videos"]
    (prediction,) = facts["predictions"]
    return dict(prediction)


def test_of_five_people_one_is_followed_and_its_box_says_which(
    real_data: Path, weights: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = [sorted((real_data / "jhmdb" / "ReCompress_Videos" / name).glob("*.avi"))[0] for name in ACTIONS]
    scaled = "".join(f"[{number}:v]scale={WIDTH}:240[v{number}];" for number in range(len(clips)))
    joined = "".join(f"[v{number}]" for number in range(len(clips))) + f"hstack=inputs={len(clips)}:shortest=1"
    inputs = [part for clip in clips for part in ("-i", clip)]
    ffmpeg(*inputs, "-filter_complex", scaled + joined, "-c:v", "mpeg4", "-q:v", "3", tmp_path / "five.mp4")
    said = predicted(tmp_path / "five.mp4", model, weights, capsys)
    assert "one person, found by BlazePose" in str(said["text"])
    boxes = [box for box in said["joints"]["boxes"] if box is not None]  # type: ignore[index]
    assert len(boxes) > 10
    assert {int((x1 + x2) / 2 // WIDTH) for x1, _, x2, _ in boxes} in [{tile} for tile in range(len(clips))]


def test_nobody_is_said(weights: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=320x240:rate=30", "-frames:v", "12", tmp_path / "nobody.mp4")
    said = predicted(tmp_path / "nobody.mp4", model, weights, capsys)
    assert said["text"] == "nobody was found (one person, found by BlazePose)"
    assert set(map(str, said["joints"]["boxes"])) == {"None"}  # type: ignore[index]

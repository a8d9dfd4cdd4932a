"""Timelines of real files: two halves of which the model says different things."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from humotion.cli.main import app
from humotion.errors import HumotionError
from humotion.prediction.predict_videos import predict_videos
from humotion.prediction.predictor import Video
from humotion.prediction.timeline.watch import WindowSettings
from humotion.prediction.video_file import read_video
from humotion.tasks.action_recognition.predictor import ActionPredictor
from tests.prediction.conftest import SURE, described
from tests.support.footage import ffmpeg, needs_ffmpeg
from tests.support.trees import write_video

pytestmark = needs_ffmpeg


@pytest.fixture
def halves(tmp_path: Path) -> Path:
    """Four seconds of black, then four of white."""
    path = tmp_path / "halves.mp4"
    parts = [f"color={colour}:size=64x48:rate=30:duration=4" for colour in ("black", "white")]
    ffmpeg("-f", "lavfi", "-i", parts[0], "-f", "lavfi", "-i", parts[1], "-filter_complex", "concat=n=2", path)
    return path


@pytest.fixture(autouse=True)
def bright_is_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Untrained networks say nothing: this one says "walk" of a bright window, and is not sure of a mixed one."""

    def probabilities(self: ActionPredictor, video: Video) -> dict[str, float]:
        share = float(np.mean([frame.mean() for frame in video])) / 255
        return {"walk": share, "jump": 1 - share}

    monkeypatch.setattr(ActionPredictor, "probabilities", probabilities)


def timeline_of(source: Path, model: Path, capsys: pytest.CaptureFixture[str], **settings: Any) -> dict[str, Any]:
    predict_videos([str(source)], [str(model)], None, as_json=True, settings=WindowSettings(**settings))
    prediction: dict[str, Any] = json.loads(capsys.readouterr().out)["videos"][0]["predictions"][0]
    return prediction


def test_a_long_video_gets_actions_with_a_start_and_an_end(
    halves: Path, of_frames: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described(of_frames, abstention={**SURE, "threshold": 0.9})
    found = timeline_of(halves, of_frames, capsys, every=0.1)
    first, second = found["timeline"]["segments"]
    assert (first["label"], first["start"], second["label"]) == ("jump", 0.0, "walk")
    assert first["end"] == pytest.approx(4, abs=0.3) and second["start"] == pytest.approx(4, abs=0.3)
    assert second["end"] == pytest.approx(239 / 30, abs=1e-3)
    assert first["end"] < second["start"], "of a window with both halves, the model is not sure"
    assert found["timeline"]["window_seconds"] == pytest.approx(6 / 15, abs=1e-3)
    assert len(found["timeline"]["edges"]) == 1 + len(found["timeline"]["probabilities"]) == 81
    assert found["text"].startswith("2 actions in ")


def test_a_short_video_gets_one_answer(tmp_path: Path, of_frames: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = write_video(tmp_path / "short.mp4", num_frames=20)  # 0.63 s; the window has 0.4 s
    found = timeline_of(short, of_frames, capsys)
    assert "timeline" not in found and found["label"] in ("jump", "walk")
    assert "timeline" in timeline_of(short, of_frames, capsys, span=0.2, every=0.1)


def test_a_model_of_an_earlier_version_gives_one_answer(
    halves: Path, of_frames: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described(of_frames, footage={}, abstention={})
    assert "timeline" not in timeline_of(halves, of_frames, capsys)


def test_a_model_without_a_threshold_says_none_and_why(
    halves: Path, of_frames: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described(of_frames, abstention={**SURE, "threshold": None})
    found = timeline_of(halves, of_frames, capsys)
    assert found["label"] is None and found["timeline"]["segments"] == []
    assert "--min-confidence 0 shows its guesses" in found["text"]
    assert "most likely in the mean: jump 5" in found["text"] or "most likely in the mean: walk 5" in found["text"]
    assert len(timeline_of(halves, of_frames, capsys, min_confidence=0)["timeline"]["segments"]) == 2


def test_everything_about_a_video_is_written_into_a_folder(
    halves: Path, of_frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described(of_frames, abstention={**SURE, "threshold": 0.9})
    out = tmp_path / "answers"
    predict_videos([str(halves)], [str(of_frames)], out)
    assert sorted(path.name for path in out.iterdir()) == ["halves.actions.csv", "halves.json", "halves.mp4"]
    table = pd.read_csv(out / "halves.actions.csv")
    assert table["label"].tolist() == ["jump", "walk"] and table["experiment"].tolist() == ["frames", "frames"]
    assert json.loads((out / "halves.json").read_text())["predictions"][0]["label"] in ("jump", "walk")
    drawn = read_video(out / "halves.mp4").decode(np.array([30, 200]))
    bar = drawn[:, -4].astype(int)  # (2, W, 3)
    assert np.abs(bar[0, 10] - bar[0, 55]).max() > 50, "two actions have two colours"
    assert np.abs(bar[0, 20] - bar[1, 20]).max() < 30, "the bar stays; only the mark of the time moves"


def test_two_models_have_two_bars(halves: Path, of_frames: Path, tmp_path: Path) -> None:
    predict_videos([str(halves)], [str(of_frames), str(of_frames)], tmp_path / "out.mp4")
    picture = read_video(tmp_path / "out.mp4").decode(np.array([100]))[0].astype(int)
    coloured = np.ptp(picture, axis=-1).max(axis=1) > 40  # rows; the video itself is grey
    assert coloured[-8:].all() and coloured[-32:-24].all() and not coloured[:10].any()


def test_a_recording_of_landmarks_needs_no_tool(
    of_landmarks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = np.random.default_rng(0).random((90, 132))
    table = pd.DataFrame(rows)
    table.to_csv(tmp_path / "SWING.txt")
    found = timeline_of(tmp_path / "SWING.txt", of_landmarks, capsys, weights=tmp_path / "absent")
    assert len(found["timeline"]["segments"]) >= 1
    assert all(found["timeline"]["probabilities"])


def test_a_video_that_fails_does_not_stop_the_others(
    of_frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "videos"
    write_video(folder / "b.mp4", num_frames=4)
    (folder / "a.mp4").write_text("no video")
    with pytest.raises(HumotionError, match=r"1 of 2 videos have no prediction: .*a\.mp4"):
        predict_videos([str(folder)], [str(of_frames)], None, as_json=True)
    said = capsys.readouterr()
    failed, whole = json.loads(said.out)["videos"]
    assert failed["status"] == "failed" and "cannot be read" in failed["error"] and "a.mp4" in said.err
    assert whole["status"] == "ok" and whole["predictions"][0]["label"] in ("jump", "walk")


def test_the_command_refuses_what_does_not_fit(tmp_path: Path, of_frames: Path) -> None:
    two = [str(write_video(tmp_path / name, num_frames=3)) for name in ("a.mp4", "b.mp4")]
    said = CliRunner().invoke(app, ["predict", *two, "--model", str(of_frames), "--out", str(tmp_path / "c.mp4")])
    assert said.exit_code == 1 and "there are 2 videos. Name a folder" in str(said.exception)
    said = CliRunner().invoke(app, ["predict", *two, "--live", "--model", str(of_frames)])
    assert "--live looks at one source, not at 2" in str(said.exception)
    said = CliRunner().invoke(app, ["predict", two[0], "--seconds", "3"])
    assert "--seconds is only for --live" in str(said.exception)

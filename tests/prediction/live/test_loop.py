"""Live answers: windows, abstention, dropped frames, bounded latency, and the end."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from humotion.cli.main import app
from humotion.errors import HumotionError
from humotion.prediction.live.loop import LiveSettings, predict_live
from humotion.prediction.live.source import Frame
from humotion.prediction.live.watching import Eyes, WatchingModel
from humotion.prediction.predictor import Verdict, load_predictor
from humotion.store.skeleton import Skeleton
from humotion.system import signals
from humotion.tasks.action_recognition.predictor import ActionPredictor
from humotion.work import digest_of_file
from tests.prediction.conftest import described
from tests.support.clips import GOLF, real_clip
from tests.support.footage import ffmpeg, needs_ffmpeg
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.trees import write_video


def watched(source: Path | str, *models: Path, **settings: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The answers and the summary."""
    said: list[dict[str, Any]] = []
    chosen = LiveSettings(**{"every": 0.1, "as_json": True, **settings})
    predict_live(str(source), [str(model) for model in models], chosen, lambda line: said.append(json.loads(line)))
    return said[:-1], said[-1]["summary"]


@pytest.fixture
def four_seconds(tmp_path: Path) -> Path:
    """A clip of 120 frames."""
    path = tmp_path / "clip.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=30:duration=4", path)
    return path


def test_none_until_the_window_is_full_and_then_an_action(of_frames: Path, tmp_path: Path) -> None:
    answers, summary = watched(write_video(tmp_path / "clip.mp4", num_frames=60), of_frames)
    early, late = ([one for one in answers if (one["time"] < 0.35) == is_early] for is_early in (True, False))
    assert early and {one["why_none"] for one in early} == {"the window is not full yet"}
    late = [one for one in late if one["time"] > 0.42]
    assert late and all(one["label"] in ("jump", "walk") and one["label"] == one["guess"] for one in late)
    assert all(0.5 <= one["confidence"] <= 1 and one["latency_ms"] >= 0 for one in late)
    assert summary["frames"] == 60 and summary["answers"] == len(answers)
    assert set(summary["latency_ms"]) == {"p50", "p95", "p99"}


def test_what_it_is_not_sure_of_it_does_not_say(of_frames: Path, tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", num_frames=24)
    described(of_frames, abstention={"threshold": 1.1})
    answers, summary = watched(path, of_frames)
    unsure = [one for one in answers if one["guess"] is not None]
    assert unsure and all(one["label"] is None and one["why_none"] == "not sure" for one in unsure)
    assert summary["none"]["not sure"] == len(unsure)
    answers, _ = watched(path, of_frames, min_confidence=0.0)
    assert any(one["label"] for one in answers)
    described(of_frames, abstention={"temperature": 1000.0})
    answers, _ = watched(path, of_frames, min_confidence=0.0)
    assert [one["confidence"] for one in answers if one["label"]][-1] == pytest.approx(0.5, abs=1e-3)


def test_people_get_a_line_per_change_and_the_reasons(of_frames: Path, tmp_path: Path, lines: list[str]) -> None:
    path = write_video(tmp_path / "clip.mp4", num_frames=24)
    described(of_frames, abstention={"threshold": None})
    predict_live(str(path), [str(of_frames)], LiveSettings(every=0.05), lines.append)
    text = "\n".join(lines)
    assert "frames always says none: on its validation clips, no confidence gave 90% right answers" in text
    assert text.count("none (the window is not full yet)") == 1 == text.count("none (not sure: ")
    assert lines[-3].startswith("24 frames in ") and "Latency from the capture" in lines[-1]
    lines.clear()
    described(of_frames, abstention={})
    predict_live(str(path), [str(of_frames)], LiveSettings(every=0.05, span=0.3), lines.append)
    assert "window of 0.27 s" in lines[0] and "an earlier version and has no threshold" in lines[1]


@needs_ffmpeg
def test_a_slow_tool_drops_frames_and_the_lag_does_not_grow(
    of_frames: Path, four_seconds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """30 frames per second come, and 7.5 can be looked at."""
    look = Eyes.look

    def slow(self: Eyes, frame: Any) -> None:
        time.sleep(4 / 30)
        look(self, frame)

    monkeypatch.setattr(Eyes, "look", slow)
    answers, summary = watched(four_seconds, of_frames, span=1.0)
    assert summary["frames"] == 120 and summary["drop_rate"] > 0.6
    half = len(answers) // 2
    first, second = (np.median([one["latency_ms"] for one in part]) for part in (answers[:half], answers[half:]))
    assert second < first + 2000, "in a queue, it would be six seconds more"
    assert any(one["label"] for one in answers)


@needs_ffmpeg
def test_a_slow_model_answers_less_often_and_not_later(
    of_frames: Path, four_seconds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: Any) -> Verdict:
        time.sleep(0.5)
        return Verdict("walk", "", "walk", 1.0)

    monkeypatch.setattr(ActionPredictor, "verdict", slow)
    answers, summary = watched(four_seconds, of_frames)
    slow_ones = [one["latency_ms"] for one in answers if one["label"]]
    assert 2 <= len(slow_ones) <= 8
    assert min(slow_ones) >= 500 and max(slow_ones) < 3000, "in a queue, the last would come 16 s late"
    assert summary["drop_rate"] < 0.8, "frames are looked at while the model thinks"


def test_ctrl_c_ends_it_with_the_summary(of_frames: Path, tmp_path: Path, lines: list[str]) -> None:
    path = write_video(tmp_path / "clip.mp4", num_frames=1800)  # a minute

    def say(line: str) -> None:
        lines.append(line)
        if "none (" in line and not any("Latency" in one for one in lines):
            os.kill(os.getpid(), signal.SIGINT)

    start = time.monotonic()
    with signals.interrupting():
        predict_live(str(path), [str(of_frames)], LiveSettings(every=0.1), say)
    assert time.monotonic() - start < 30
    assert "Latency from the capture" in lines[-1]


def test_it_ends_after_some_seconds(of_frames: Path, tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", num_frames=1800)
    _, summary = watched(path, of_frames, seconds=0.5)
    assert 0.5 <= summary["seconds"] < 10


def test_nobody_is_there(of_landmarks: Path, real_data: Path) -> None:
    weights = real_data / "blazepose"
    if not (weights / "pose_detection.tflite").exists():
        pytest.skip(f"no weights of BlazePose in {weights}")
    eyes = Eyes(weights)
    model = WatchingModel(load_predictor(of_landmarks), eyes, span=0.2)
    said = []
    for number, pixels in enumerate(real_clip(real_data, GOLF, 8).frames):
        frame = Frame(pixels, number / 20, 0.0)
        eyes.look(frame)
        model.see(frame)
        said.append(model.question()())
    assert [one.why for one in said[:4]] == ["the window is not full yet"] * 4
    assert all(one.label in ("jump", "walk") and one.confidence is not None for one in said[4:])
    assert len({one.confidence for one in said[4:]}) > 1, "windows differ"
    for number in range(8, 13):
        frame = Frame(np.full_like(pixels, 128), number / 20, 0.0)
        eyes.look(frame)
        model.see(frame)
    assert model.question()() == Verdict(None, "nobody is there")


def test_a_layer_that_looks_at_labelled_boxes_has_no_live(of_landmarks: Path, real_data: Path) -> None:
    weights = real_data / "blazepose"
    if not (weights / "pose_detection.tflite").exists():
        pytest.skip(f"no weights of BlazePose in {weights}")
    digests = {name: digest_of_file(weights / name) for name in ("pose_detection.tflite", "pose_landmark_lite.tflite")}
    settings = {"of": "labels", "backbone": "none", "model": "lite", "regions": "labels"}
    layer = {"tool": "blazepose", "version": 1, "settings": settings, "weights": digests}
    described(of_landmarks, preprocessing={"layer": layer})
    with pytest.raises(HumotionError, match="looked at labelled boxes"):
        WatchingModel(load_predictor(of_landmarks), Eyes(weights))


def test_models_that_cannot_be_used_live(of_landmarks: Path, tmp_path: Path) -> None:
    pose = write_model_folder(tmp_path / "pose", make_task("pose_estimation"), "pose_estimation")
    with pytest.raises(HumotionError, match="humotion fetch blazepose"):
        watched("0", pose, weights=tmp_path)
    labelled = Skeleton.from_dict({**_skeleton(of_landmarks), "name": "penn_action"})
    described(of_landmarks, meta={"skeleton": labelled.as_dict()})
    with pytest.raises(HumotionError, match=r"reads labelled joints \(penn_action\), which live frames do not have"):
        watched("0", of_landmarks)


def _skeleton(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "model.json").read_text())["meta"]["skeleton"]
    return found


def test_the_command(of_frames: Path, tmp_path: Path) -> None:
    clip, runner = str(write_video(tmp_path / "clip.mp4", num_frames=10)), CliRunner()
    done = runner.invoke(app, ["predict", clip, "--live", "--model", str(of_frames), "--every", "0.1", "--span", "0.2"])
    assert done.exit_code == 0, done.output
    assert "10 frames in " in done.output
    for arguments, said in (
        ([clip, "--seconds", "1"], "--seconds is only for --live"),
        (["nowhere", "--live", "--model", str(of_frames)], "no source of live frames"),
    ):
        result = runner.invoke(app, ["predict", *arguments])
        assert isinstance(result.exception, HumotionError) and said in str(result.exception)

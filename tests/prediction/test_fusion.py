"""Fusions over time and live: each part sees the window in its own way, and the fusion has a threshold of its own."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from humotion.prediction.live.loop import LiveSettings, predict_live
from humotion.prediction.live.source import Frame
from humotion.prediction.live.watching import Eyes, WatchingModel
from humotion.prediction.predict_videos import predict_videos
from humotion.prediction.predictor import Predictor, load_predictor
from humotion.prediction.timeline.watch import WindowSettings, is_long
from humotion.tasks.action_recognition.training.abstention import calibrated
from humotion.training.description import read_description
from humotion.training.fusion import architecture_of, save_fusion
from tests.prediction.conftest import FOOTAGE, SURE, described
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.trees import write_video

LENGTHS = {"first": {**FOOTAGE, "num_frames": 4}, "second": FOOTAGE}  # 0.2 and 0.4 s


def answers(num_right: int, num_wrong: int) -> pd.DataFrame:
    """Validation answers: the right ones are surer than the wrong ones."""
    sure, unsure = [0.8, 0.2], [0.6, 0.4]
    rows = [(sure, 0)] * num_right + [(unsure, 1)] * num_wrong
    table = pd.DataFrame(rows, columns=["probabilities", "label_id"])
    return table.assign(clip_id=[str(row) for row in table.index], group=[f"film {row % 4}" for row in table.index])


def fused(name: str, *members: str, validation: pd.DataFrame | None = None) -> Path:
    """A fusion of ``models/<member>``, with these answers for validation clips."""
    weights = dict.fromkeys(members, 1 / len(members))
    base = read_description(Path("models") / members[0])
    changes: dict[str, Any] = {"experiment": name, "preprocessing": {}, "footage": {}, "abstention": {}}
    description = replace(base, architecture=architecture_of(weights), **changes)
    save_fusion(Path("models") / name, description, answers(20, 5) if validation is None else validation)
    return Path("models") / name


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fusion of two models of frames whose training clips were of different lengths."""
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    for seed, (name, footage) in enumerate(LENGTHS.items()):
        task = make_task("action_recognition", seed)
        folder = write_model_folder(Path("models") / name, task, "action_recognition")
        described(folder, experiment=name, footage=footage, abstention={**SURE, "threshold": 2.0})
    return fused("both", *LENGTHS)


def watching(folder: Path, video: np.ndarray, span: float | None = None) -> WatchingModel:
    eyes = Eyes()
    model = WatchingModel(load_predictor(folder), eyes, span)
    for number, pixels in enumerate(video):
        frame = Frame(pixels, number / 30, 0.0)
        eyes.look(frame)
        model.see(frame)
    return model


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (30, 48, 64, 3), np.uint8)


def uncalibrated(predictor: Any, windows: Any) -> np.ndarray:
    found = predictor.of_windows(predictor.seen_windows(windows))
    return np.array([found[label] for label in ("jump", "walk")])


def test_all_parts_see_a_window_as_long_as_the_longest_of_them(both: Path) -> None:
    model = watching(both, noise())
    windows = model.windows()
    assert not isinstance(windows, str)
    assert [(window.num_frames, window.fps) for window in windows] == [(7, 15.0), (7, 15.0)]
    assert model.seconds == pytest.approx(0.4)
    longer = watching(both, noise(), span=0.8)
    assert longer.seconds == pytest.approx(0.8)
    assert is_long(model.predictor, 0.81) and not is_long(model.predictor, 0.79)


def test_what_it_says_is_the_sum_of_its_parts_at_its_own_temperature(both: Path) -> None:
    model = watching(both, noise())
    windows = model.windows()
    assert not isinstance(windows, str)
    parts = [uncalibrated(part, [window]) for part, window in zip(model.predictor.parts, windows, strict=True)]
    mixed = softmax(0.5 * np.log(parts[0]) + 0.5 * np.log(parts[1]))
    fusion: Any = model.predictor
    assert fusion.rule.threshold == pytest.approx(calibrated(np.array([0.8, 0.2]), fusion.rule.temperature)[0])
    assert fusion.rule.temperature != 1.0 and fusion.rule.num_groups == 4
    found = model.predictor.verdict(windows, min_confidence=0.0)
    assert found.probabilities is not None
    ordered = [found.probabilities[label] for label in ("jump", "walk")]
    assert ordered == pytest.approx(calibrated(mixed, fusion.rule.temperature).tolist(), abs=1e-6)
    assert model.question()().why == "not sure", "untrained networks are below the threshold"


def test_a_fusion_of_a_fusion(both: Path) -> None:
    three = fused("three", "both", "first")
    shutil.rmtree("models/first")
    model = watching(three, noise())
    assert [part.description.experiment for part in model.predictor.parts] == ["first", "second", "first"]
    windows = model.windows()
    assert not isinstance(windows, str) and len(windows) == 3
    first, second, again = (
        uncalibrated(part, [window]) for part, window in zip(model.predictor.parts, windows, strict=True)
    )
    expected = softmax(0.25 * np.log(first) + 0.25 * np.log(second) + 0.5 * np.log(again))
    assert uncalibrated(model.predictor, windows) == pytest.approx(expected, abs=1e-6)


def test_a_long_video_gets_a_timeline(both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = write_video(Path("clip.mp4"), num_frames=60)
    settings = WindowSettings(every=0.2, min_confidence=0.0)
    predict_videos([str(video)], [str(both), "models/first"], None, as_json=True, settings=settings)
    fusion, member = json.loads(capsys.readouterr().out)["videos"][0]["predictions"]
    assert fusion["timeline"]["window_seconds"] == 0.4 and member["timeline"]["window_seconds"] == 0.2
    assert fusion["timeline"]["segments"] and sum(fusion["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    predict_videos([str(video)], [str(both)], None, as_json=True)
    (fusion,) = json.loads(capsys.readouterr().out)["videos"][0]["predictions"]
    assert fusion["label"] is None and fusion["timeline"]["threshold"] > 0.7


def test_a_fusion_that_is_never_sure_says_why(both: Path) -> None:
    fused("both", *LENGTHS, validation=answers(5, 20))
    remark = load_predictor(both).check_live(None)
    assert remark is not None and "both always says none: on its validation clips, no confidence gave 90%" in remark
    (both / "validation.parquet").unlink()
    assert "has no threshold, so it always says an action" in (load_predictor(both).check_live(None) or "")


def test_it_is_watched_live(both: Path) -> None:
    said: list[dict[str, Any]] = []
    video = write_video(Path("clip.mp4"), num_frames=60)
    settings = LiveSettings(every=0.05, as_json=True, min_confidence=0.0)
    predict_live(str(video), [str(both)], settings, lambda line: said.append(json.loads(line)))
    assert said[0]["why_none"] == "the window is not full yet"
    assert any(one["label"] in ("jump", "walk") for one in said[:-1])


def test_it_is_cautious_if_a_member_is(both: Path) -> None:
    described(both / "members/second", data_md5={"frames": "08c22d4a72843852035c6ba04bd2d888"})
    predictor: Predictor = load_predictor(both)
    assert predictor.caution == "trained on rendered clips, not on real footage"


def test_nobody_is_there_if_a_part_that_looks_for_people_finds_none(of_landmarks: Path, both: Path) -> None:
    shutil.copytree(of_landmarks, "models/landmarks")
    predictor = load_predictor(fused("mixed", "first", "landmarks"))
    frames = watching(Path("models/first"), noise()).windows()
    assert not isinstance(frames, str)
    seen: Any = frames[0]
    seen_by_tool = type(seen)([noise()[0]] * 5, 30.0, {"found": np.array([[True, True, False, False, False]])})
    assert predictor.verdict([seen, seen_by_tool]).why == "nobody is there"

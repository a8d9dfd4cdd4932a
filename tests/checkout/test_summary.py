from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from humotion.checkout.summary import summarise
from humotion.files import write_json
from tests.support.tiny_project import tiny_params

TEST: dict[str, Any] = {
    "test": {"top1": 0.75, "macro_f1": None},
    "baseline": {"majority": {"top1": 0.5}},
    "gain": {"metric": "top1", "over": "majority", "difference": 0.25, "low": 0.1, "high": 0.4},
    "num_clips": 8,
    "num_groups": 4,
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def test_what_has_not_run_is_said() -> None:
    text = summarise(tiny_params())
    assert "action on tiny: not evaluated yet. Run `dvc repro`." in text
    assert "pose on tiny: not evaluated yet" in text


def test_scores_stand_beside_their_baselines() -> None:
    write_json(Path("metrics/action/test.json"), TEST)
    registered = {"uri": "models:/m@champion", "version": "1", "reason": "there was no champion", "alias": "champion"}
    write_json(Path("registered/action.json"), registered)
    lines = summarise(tiny_params()).splitlines()
    assert lines[0] == "action on tiny (test: 8 clips)"
    assert lines[1].split() == ["top1", "macro_f1", "mean_class_accuracy"]
    assert lines[2].split() == ["action", "0.750", "undefined"]  # null in JSON: there was nothing to score
    assert lines[3].split() == ["majority", "0.500"]
    assert lines[2].index("0.750") == lines[3].index("0.500")
    assert lines[4].strip() == ("top1 over majority: +0.250 (95 % interval +0.100 to +0.400, bootstrap over 4 groups)")
    assert lines[5].strip().startswith("registered with another store as models:/m@champion (there was no champion).")
    assert "`humotion join` enters it" in lines[5]
    assert not Path("mlflow.db").exists(), "a command that only reads makes no store"


def test_further_gains_follow() -> None:
    gains = {
        "top1_over_linear_probe": {"difference": 0.125, "low": 0.02, "high": 0.2},
        "top1_reversed_over_top1": {"difference": -0.25, "low": None, "high": None},
    }
    write_json(Path("metrics/action/test.json"), {**TEST, "more_gains": gains})
    lines = [line.strip() for line in summarise(tiny_params()).splitlines()]
    assert lines[5:7] == [
        "top1 over linear_probe: +0.125 (95 % interval +0.020 to +0.200)",
        "top1_reversed over top1: -0.250 (no interval: only one group)",
    ]


def test_the_page_of_the_store_in_use_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "http://127.0.0.1:5000/#/experiments" in summarise(tiny_params())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:pw@team:8080/")
    assert "http://***@team:8080/#/experiments" in summarise(tiny_params())


def test_a_single_group_has_no_interval() -> None:
    write_json(Path("metrics/action/test.json"), {**TEST, "gain": {**TEST["gain"], "low": None, "high": None}})
    assert "no interval: only one group" in summarise(tiny_params())

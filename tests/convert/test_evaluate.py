"""Published weights in place of a training of one's own, scored by the evaluate stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from humotion.convert.model_folder import convert_lstm_pm
from humotion.files import read_json
from humotion.stages import evaluate, sample
from tests.support.caffe_net import random_weights, unrolled, write_caffemodel
from tests.support.tiny_project import build_project, tiny_params


def test_a_converted_model_is_evaluated_like_a_trained_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(build_project(tmp_path / "project"))
    sample.run("pose", tiny_params())
    path = write_caffemodel(tmp_path / "net.caffemodel", unrolled(random_weights(0, 16), 2))
    convert_lstm_pm(path, "penn_action", Path("models") / "pose", size=32, width=1 / 16)
    evaluate.run("pose", tiny_params())
    result = read_json(Path("metrics") / "pose" / "test.json")
    assert result["num_clips"] == 4
    assert 0 <= result["test"]["pck_0.2"] <= 1
    assert (Path("reports") / "pose" / "summary.json").exists()

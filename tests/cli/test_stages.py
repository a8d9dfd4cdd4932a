"""Stages on a store that MLflow would refuse: who stops, who warns, and how an output comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from humotion.cli.stages import check_store
from humotion.errors import HumotionError
from tests.support.tiny_project import tiny_params


def test_a_refused_store_stops_a_stage_before_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    params = tiny_params()
    check_store("index", "tiny", params)
    assert "Later stages will stop. MLFLOW_TRACKING_URI is ./mlruns" in capsys.readouterr().err
    for stage in ("sample", "train"):
        with pytest.raises(HumotionError, match="MLFLOW_TRACKING_URI is") as refused:
            check_store(stage, "action", params)
        assert "dvc checkout" not in str(refused.value), "nothing was there before"
    Path("dvc.lock").write_text("stages:\n  train@action:\n    outs:\n    - path: models/action\n      md5: abc.dir\n")
    with pytest.raises(HumotionError, match=r"Then `dvc checkout models/action` brings the version before back\."):
        check_store("train", "action", params)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///team.db")
    check_store("train", "action", params)
    assert not Path("team.db").exists()

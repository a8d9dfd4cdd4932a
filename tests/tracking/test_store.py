from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from humotion.tracking.address import default_uri
from humotion.tracking.store import connect, experiment_id, tracking_uri

FIRST_USE = """
from humotion.tracking.store import connect, experiment_id
print("id", experiment_id(connect(), "action/tiny"))
"""


def test_the_store_lies_in_the_main_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracking_uri() == f"sqlite:///{checkout}/mlflow.db" == default_uri(checkout)
    for below in ("reports/ls_vit", ".dvc/tmp/exps/standalone/tmpabc", ".dvc/tmp/exps/tmpxyz/reports"):
        (checkout / below).mkdir(parents=True)
        monkeypatch.chdir(checkout / below)
        assert tracking_uri() == default_uri(checkout), below


def test_a_working_copy_of_a_dvc_experiment_has_the_pipeline_files_too(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = checkout / ".dvc" / "tmp" / "exps" / "tmpabc"
    copy.mkdir(parents=True)
    for name in ("dvc.yaml", "params.yaml"):
        (copy / name).write_text("{}\n")
    monkeypatch.chdir(copy)
    assert tracking_uri() == default_uri(checkout)


def test_the_environment_wins_over_params(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracking_uri("http://configured") == "http://configured"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://environment")
    assert tracking_uri("http://configured") == "http://environment"


def test_artifacts_lie_beside_the_database(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = checkout / "reports"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    client = connect()
    number = experiment_id(client, "action/tiny")
    assert client.get_experiment(number).artifact_location == (checkout / "mlruns" / "action-tiny").as_uri()
    assert experiment_id(client, "action/tiny") == number
    assert not list(elsewhere.iterdir())


def test_six_processes_of_two_checkouts_may_use_an_absent_store_at_once(checkout: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/shared/mlflow.db"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST_USE], cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for cwd in [checkout, other] * 3
    ]
    outcomes = [(*process.communicate(timeout=300), process.returncode) for process in processes]
    assert [code for *_, code in outcomes] == [0] * 6, outcomes
    assert len({out.splitlines()[-1] for out, *_ in outcomes}) == 1
    assert (tmp_path / "shared" / "mlflow.db").stat().st_size > 0

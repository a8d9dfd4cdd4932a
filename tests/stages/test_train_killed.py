"""A training that is killed without warning goes on where it was, under the same MLflow run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from humotion.files import read_json
from humotion.stages import augment, sample, train
from humotion.tracking.store import connect
from tests.support.repository import REPOSITORY
from tests.support.tiny_project import build_project, tiny_params

EPOCHS = 25
PROGRAM = f"""
from humotion.stages import train
from tests.support.tiny_project import tiny_params
train.run("action", tiny_params(epochs={EPOCHS}))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = build_project(tmp_path / "project")
    with contextlib.chdir(folder):
        for stage in (sample, augment):
            stage.run("action", tiny_params(epochs=EPOCHS))
    return folder


def kill_once_a_checkpoint_exists(project: Path, number: signal.Signals = signal.SIGKILL) -> tuple[Path, str]:
    """Train in a process of its own and signal it after an epoch: the attempt's work folder, and what it said."""
    # This checkout's package, wherever another one may be installed from: work of other code is not gone on with.
    path = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=project,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not (found := list(project.glob(".humotion/work/train/*/last.ckpt"))):
        assert process.poll() is None, "the training ended before its first checkpoint"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert not (project / "models").exists(), "killed too late: the training had finished"
    return found[0].parent, said


def test_killed_training_goes_on_under_the_same_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, _ = kill_once_a_checkpoint_exists(project)
    interrupted = read_json(work / "run.json")["run_id"]
    monkeypatch.chdir(project)
    train.run("action", tiny_params(epochs=EPOCHS))

    assert read_json(project / "models" / "action" / "model.json")["run_id"] == interrupted
    curves = pd.read_csv(project / "metrics" / "action" / "curves.csv")
    assert curves["epoch"].tolist() == list(range(EPOCHS))
    client = connect()
    steps = [metric.step for metric in client.get_metric_history(interrupted, "train/loss")]
    assert len(steps) < 2 * EPOCHS - 1, "it began anew instead of going on"
    assert client.get_run(interrupted).info.status == "FINISHED"
    assert not work.exists(), "a finished attempt must not be resumed"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_training_that_is_told_to_stop_says_how_to_go_on(
    project: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    work, said = kill_once_a_checkpoint_exists(project, number)
    assert "The same command resumes after the last finished epoch" in said
    monkeypatch.chdir(project)
    assert connect().get_run(read_json(work / "run.json")["run_id"]).info.status == "KILLED"


def test_killed_training_of_other_parameters_is_not_gone_on_with(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, _ = kill_once_a_checkpoint_exists(project)
    monkeypatch.chdir(project)
    train.run("action", tiny_params(epochs=2))
    assert read_json(project / "models" / "action" / "model.json")["run_id"] != read_json(work / "run.json")["run_id"]

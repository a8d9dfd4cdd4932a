"""A training that is killed without warning goes on where it was, under the same MLflow run."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
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
import sys
from humotion.stages import train
from tests.support.tiny_project import tiny_params
params = tiny_params(epochs={EPOCHS})
machine = params.machine.model_copy(update={{"workers": int(sys.argv[1])}})
train.run("action", params.model_copy(update={{"machine": machine}}))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = build_project(tmp_path / "project")
    with contextlib.chdir(folder):
        for stage in (sample, augment):
            stage.run("action", tiny_params(epochs=EPOCHS))
    return folder


def start_training(project: Path, workers: int = 0) -> tuple[Path, subprocess.Popen[str]]:
    """Train in a process and a session of its own for an epoch: the attempt's work folder, and the process."""
    # This checkout's package, wherever another one may be installed from: work of other code is not gone on with.
    path = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(workers)],
        cwd=project,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not (found := list(project.glob(".humotion/work/train/*/last.ckpt"))):
        assert process.poll() is None, "the training ended before its first checkpoint"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found[0].parent, process


def kill_once_a_checkpoint_exists(
    project: Path, number: signal.Signals = signal.SIGKILL, workers: int = 0
) -> tuple[Path, str]:
    """Signal all processes of a training after an epoch: the attempt's work folder, and what it said."""
    work, process = start_training(project, workers)
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=60)
    assert not (project / "models").exists(), "killed too late: the training had finished"
    return work, said


def test_killed_training_goes_on_under_the_same_run(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command waits for the process that trains already; here that one dies meanwhile."""
    work, process = start_training(project)
    interrupted = read_json(work / "run.json")["run_id"]
    monkeypatch.chdir(project)
    process.send_signal(signal.SIGSTOP)  # it must not finish first
    threading.Timer(3, process.kill).start()
    train.run("action", tiny_params(epochs=EPOCHS))

    assert f"runs already: process {process.pid} on {socket.gethostname()}" in capsys.readouterr().err
    process.communicate()
    assert not list(work.parent.iterdir()), "neither work nor locks are left"
    assert read_json(project / "models" / "action" / "model.json")["run_id"] == interrupted
    curves = pd.read_csv(project / "metrics" / "action" / "curves.csv")
    assert curves["epoch"].tolist() == list(range(EPOCHS))
    client = connect()
    steps = [metric.step for metric in client.get_metric_history(interrupted, "train/loss")]
    assert len(steps) < 2 * EPOCHS - 1, "it began anew instead of going on"
    assert client.get_run(interrupted).info.status == "FINISHED"
    assert not work.exists(), "a finished attempt must not be resumed"


@pytest.mark.parametrize(
    ("number", "workers"),
    [(signal.SIGINT, 0), (signal.SIGTERM, 2), (signal.SIGHUP, 2)],
    ids=["Ctrl-C", "SIGTERM", "closed terminal"],
)
def test_a_training_that_is_told_to_stop_says_how_to_go_on(
    project: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, workers: int
) -> None:
    """The signal goes to all processes, as from a cluster, a terminal, or systemd."""
    work, said = kill_once_a_checkpoint_exists(project, number, workers)
    assert "The same command resumes after the last finished epoch" in said
    assert "killed by signal" not in said
    monkeypatch.chdir(project)
    assert connect().get_run(read_json(work / "run.json")["run_id"]).info.status == "KILLED"


def test_killed_training_of_other_parameters_is_not_gone_on_with(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    work, _ = kill_once_a_checkpoint_exists(project)
    left = read_json(work / "run.json")["run_id"]
    monkeypatch.chdir(project)
    assert connect().get_run(left).info.status == "RUNNING"
    train.run("action", tiny_params(epochs=2))
    assert read_json(project / "models" / "action" / "model.json")["run_id"] != left
    run = connect().get_run(left)
    assert run.info.status == "KILLED"
    assert "is gone" in run.data.tags["error"]
    assert f"({left}) was still open, but its process" in capsys.readouterr().out


def test_a_damaged_run_file_is_no_dead_end(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, _ = kill_once_a_checkpoint_exists(project)
    left = read_json(work / "run.json")["run_id"]
    (work / "run.json").write_text("")
    monkeypatch.chdir(project)
    train.run("action", tiny_params(epochs=EPOCHS))
    assert read_json(project / "models" / "action" / "model.json")["run_id"] == left

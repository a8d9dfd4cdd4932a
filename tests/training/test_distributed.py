"""Two processes train what one trains: the same losses, the same scores, one run, one model folder."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from humotion.params.document import Params
from humotion.stages import augment, sample
from humotion.tracking.store import connect
from humotion.training.callbacks import Row
from humotion.training.description import read_description
from humotion.training.fit import fit
from humotion.training.prepare import prepare
from tests.support.repository import REPOSITORY
from tests.support.tiny_project import build_project, tiny_settings

EPOCHS = 3
LAUNCHERS = {
    "torchrun": ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "humotion"],
    "devices": ["-m", "humotion"],  # Lightning starts the second process
}


def settings(devices: int | str) -> dict[str, Any]:
    """Batches of 4 of 5 actions: in the last batch of an epoch the second process has none."""
    raw = tiny_settings(trainer={"epochs": EPOCHS, "batch_size": 4, "gradient_clip": 10.0})
    action, pose = raw["experiments"]["action"], raw["experiments"]["pose"]
    # What the first process does before the others join, and what each keeps of its own.
    action["trainer"] = action["trainer"] | {"head_start": True, "ema": 0.9}
    action["model"]["drop_path"] = pose["model"]["dropout"] = 0.0
    action["clips"]["validation_folds"] = pose["clips"]["validation_folds"] = 3
    raw["machine"]["devices"] = devices
    return raw


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_project(tmp_path_factory.mktemp("distributed") / "project")
    with contextlib.chdir(folder):
        for name in ("action", "pose"):
            sample.run(name, Params.model_validate(settings(1)))
            augment.run(name, Params.model_validate(settings(1)))
    return folder


def train_alone(name: str, work: Path) -> list[Row]:
    """The curves of one process."""
    params = Params.model_validate(settings(1))
    task, data = prepare(name, params)
    if name == "action":
        assert (len(data.table("train")) % 4, len(data.clips("val")) % 2) == (1, 1)
    experiment = params.experiment(name)
    return fit(task, data, experiment.trainer, params.machine, seed=experiment.seed, folder=work).epochs


def train_in_two(project: Path, launcher: str, name: str) -> None:
    with (project / "params.yaml").open("w") as stream:
        YAML().dump(settings(2 if launcher == "devices" else "auto"), stream)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "MLFLOW_TRACKING"))}
    done = subprocess.run(
        [sys.executable, *LAUNCHERS[launcher], "train", name],
        cwd=project,
        env=kept | {"PYTHONPATH": str(REPOSITORY / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("launcher", "name"), [("torchrun", "action"), ("devices", "pose")])
def test_two_processes_have_the_losses_and_scores_of_one(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, launcher: str, name: str
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    expected = pd.DataFrame(train_alone(name, tmp_path))
    train_in_two(project, launcher, name)
    found = pd.read_csv(project / "metrics" / name / "curves.csv")
    assert list(found) == list(expected)
    for column in expected:
        assert found[column].tolist() == pytest.approx(expected[column].tolist(), rel=1e-5, abs=1e-5), column
    assert expected["train/loss"].iloc[0] != pytest.approx(expected["train/loss"].iloc[-1], rel=1e-2)
    # One of them wrote all there is: a run, a model, and no unfinished work is left.
    client = connect()
    experiment = client.get_experiment_by_name(f"{name}/tiny")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_id == read_description(project / "models" / name).run_id
    assert run.info.status == "FINISHED"
    assert len(client.get_metric_history(run.info.run_id, "train/loss")) == EPOCHS
    assert not list((project / ".humotion" / "work" / "train").iterdir())


def test_two_processes_that_diverge_end_together(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither waits for the other, the run is FAILED and says why, and there is no model."""
    raw = settings("auto")
    raw["experiments"]["pose"] |= {
        "optimizer": {"lr": 1e12, "weight_decay": 0.0},
        "trainer": {"epochs": EPOCHS, "batch_size": 4},
        "seed": 11,
    }
    raw["experiments"]["pose"]["model"] |= {"width": 0.05}
    with (project / "params.yaml").open("w") as stream:
        YAML().dump(raw, stream)
    models = project / "models" / "pose" / "model.safetensors"
    before = models.stat().st_mtime if models.exists() else None
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "MLFLOW_TRACKING"))}
    done = subprocess.run(
        [sys.executable, *LAUNCHERS["torchrun"], "train", "pose"],
        cwd=project,
        env=kept | {"PYTHONPATH": str(REPOSITORY / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode != 0
    assert "humotion: The training diverged: " in done.stderr
    monkeypatch.chdir(project)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    client = connect()
    found = client.search_runs([item.experiment_id for item in client.search_experiments()], max_results=1)
    assert (found[0].info.status, found[0].data.tags["humotion.failed"]) == ("FAILED", "diverged")
    assert (models.stat().st_mtime if models.exists() else None) == before

"""One trial trained by two processes: both train what rank 0 was given, and rank 0 alone reports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from humotion.files import read_json
from humotion.sweep.storage import Storage
from humotion.sweep.study import Sweep
from humotion.tracking.store import connect
from tests.support.repository import REPOSITORY
from tests.support.tiny_project import tiny_params
from tests.sweep.conftest import swept

PROGRAM = """
import json, os, sys
from pathlib import Path
from humotion.params.document import Params
from humotion.sweep import trial, worker
from humotion.sweep.run_sweep import run_sweep
from humotion.sweep.storage import Storage

seen = []

def noting(name, params, *others, **more):
    result, task, data = train(name, params, *others, **more)
    weights = sum(float(p.double().abs().sum()) for p in task.parameters())
    seen.append([params.experiment(name).optimizer.lr, weights, result.epochs[-1]["val/loss"]])
    return result, task, data

train = trial.train
trial.train = worker.train = noting
params = Params.model_validate(json.loads(Path(sys.argv[2]).read_text()))
run_sweep("action", params, Storage(sys.argv[1], 2, 60), 1, Path("sweeps/ranks"))
Path(f"seen-{os.environ.get('RANK', 'alone')}.json").write_text(json.dumps(seen))
"""


def test_two_ranks_train_the_same_trials(project: Path, storage: Storage, tmp_path: Path) -> None:
    trainer = {"epochs": 2, "batch_size": 4, "gradient_clip": 10.0}
    params = swept(base=tiny_params(trainer=trainer), trials=2)
    machine = params.machine.model_copy(update={"devices": 2})
    params = params.model_copy(update={"machine": machine})
    (project / "ranks.py").write_text(PROGRAM)
    settings = tmp_path / "params.json"
    settings.write_text(params.model_dump_json(by_alias=True, exclude_unset=True))
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *torchrun, "ranks.py", storage.url, str(settings)],
        cwd=project,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)]),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    first, second = (read_json(project / f"seen-{rank}.json") for rank in (0, 1))
    trials = Sweep("action", params, storage).load().get_trials()
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 2
    assert [row[0] for row in first] == [row[0] for row in second] == [trial.params["optimizer.lr"] for trial in trials]
    assert [row[1] for row in first] == pytest.approx([row[1] for row in second], rel=1e-6)
    assert all(len(trial.intermediate_values) == 2 for trial in trials)
    runs = connect().search_runs(
        [experiment.experiment_id for experiment in connect().search_experiments()],
        f"tags.`optuna.study` = '{Sweep('action', params, storage).study_name}'",
    )
    assert sorted(run.data.tags["kind"] for run in runs) == ["sweep", "trial", "trial"]
    assert len(pd.read_csv(project / "sweeps" / "ranks" / "trials.csv")) == 2

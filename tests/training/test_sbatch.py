"""The batch file of docs/distributed.md, run by bash as SLURM runs it: stopped by SIGTERM, requeued, and resumed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from humotion.params.document import Params
from humotion.stages import augment, sample
from humotion.tracking.store import connect
from humotion.training.description import read_description
from tests.support.commands import blocks_of
from tests.support.repository import REPOSITORY
from tests.support.tiny_project import build_project, tiny_settings

EPOCHS = 12
# Two tasks on one node, which get the signal that SLURM sends to a step; the highest exit code is that of the step.
SRUN = """#!/bin/bash
export SLURM_JOB_ID=17 SLURM_JOB_NAME=ls_vit SLURM_NTASKS=2 SLURM_NTASKS_PER_NODE=2 SLURM_NNODES=1 SLURM_NODEID=0
export SLURM_NODELIST=localhost SLURM_STEP_NODELIST=localhost
for task in 0 1; do SLURM_PROCID=$task SLURM_LOCALID=$task "$@" & tasks+=($!); done
echo "${tasks[@]}" > tasks
highest=0
for task in "${tasks[@]}"; do wait "$task" || { code=$?; (( code > highest )) && highest=$code; }; done
exit $highest
"""
SCONTROL = '#!/bin/sh\necho "$@" >> requeued\n'


def program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = build_project(tmp_path / "project")
    settings: dict[str, Any] = tiny_settings(only="action", trainer={"epochs": EPOCHS, "batch_size": 4})
    settings["experiments"] = {"ls_vit": settings["experiments"]["action"]}
    settings["machine"]["devices"] = "auto"
    with (folder / "params.yaml").open("w") as stream:
        YAML().dump(settings, stream)
    with contextlib.chdir(folder):
        for stage in (sample, augment):
            stage.run("ls_vit", Params.model_validate(settings))
    (folder / ".venv").symlink_to(sys.prefix)
    program(folder / "bin" / "srun", SRUN)
    program(folder / "bin" / "scontrol", SCONTROL)
    (script,) = [
        block
        for block in blocks_of(REPOSITORY / "docs" / "distributed.md")
        if "srun humotion train ls_vit" in str(block)
    ]
    program(folder / "ls_vit.sbatch", "\n".join(script.lines))
    return folder


def submit(project: Path) -> subprocess.Popen[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "MLFLOW_TRACKING"))}
    ours = {
        "PATH": f"{project / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY / "src"),
        "OMP_NUM_THREADS": "1",
        "SLURM_JOB_ID": "17",
    }
    return subprocess.Popen(
        ["/bin/bash", "ls_vit.sbatch"],
        cwd=project,
        env=kept | ours,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.thorough
def test_a_job_that_is_stopped_comes_back_and_resumes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = submit(project)
    while not list(project.glob(".humotion/work/train/*/previous.ckpt")):  # two epochs are finished
        assert job.poll() is None, job.communicate()[0]
        time.sleep(0.05)
    for task in (project / "tasks").read_text().split():
        os.kill(int(task), signal.SIGTERM)
    said, _ = job.communicate(timeout=600)
    assert job.returncode == 128 + signal.SIGTERM, said
    assert "The same command" in said
    assert (project / "requeued").read_text() == "requeue 17\n"
    assert not (project / "models").exists()

    again = submit(project)
    said, _ = again.communicate(timeout=600)
    assert again.returncode == 0, said
    assert (project / "requeued").read_text() == "requeue 17\n"
    monkeypatch.chdir(project)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    client = connect()
    run = client.get_run(read_description(project / "models" / "ls_vit").run_id)
    assert len(client.search_runs([run.info.experiment_id])) == 1
    steps = [point.step for point in client.get_metric_history(run.info.run_id, "train/loss")]
    assert len(set(steps)) == EPOCHS

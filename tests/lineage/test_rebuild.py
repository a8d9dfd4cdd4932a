"""What is said where a model cannot be rebuilt by commit alone."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from humotion.lineage.rebuild import rebuild
from humotion.lineage.report import describe
from humotion.lineage.trace import Trace
from humotion.tracking.lineage import RunFacts

ABSENT = "c" * 40
RUN = RunFacts("r1", "a", "FINISHED", "then", "later", "action/tiny", None, {}, {}, {}, ("params.yaml", "dvc.yaml"))
CLEAN = {"git.commit": ABSENT, "git.dirty": "false"}
DIRTY = {"git.commit": ABSENT, "git.dirty": "true", "git.changed": "params.yaml, src/a.py"}
TRACE = Trace(
    *("models:/a/1", "sqlite:///store.db", "r1", "a", "tiny"),
    version=None,
    run=RUN,
    origin=CLEAN,
    data=(),
    locked=(),
    settings={"model.weights": "weights/vit.safetensors"},
    changed={},
    validation={},
    test={},
    baseline={},
    weights=None,
    root=Path("datasets/tiny"),
)


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)


def notes(trace: Trace) -> str:
    return "\n".join(rebuild(trace).notes)


def test_a_commit_that_is_not_here_is_to_be_fetched() -> None:
    assert f"Commit {ABSENT} is not in this repository" in notes(TRACE)
    assert "NOT in this repository" in describe(TRACE)
    assert "needs the same files as this checkout at: datasets/tiny, weights/vit.safetensors." in notes(TRACE)
    on_hub = replace(TRACE, settings={"model.weights": "hf-hub:org/vit@main"})
    assert "needs the same files as this checkout at: datasets/tiny." in notes(on_hub)


def test_without_git_there_is_no_way() -> None:
    found = replace(TRACE, origin={})
    assert rebuild(found).commands == ()
    assert "no commit" in notes(found)


def test_what_a_dirty_checkout_lost_is_named() -> None:
    found = replace(TRACE, origin=DIRTY | {"git.untracked": "src/new.py"})
    assert "uncommitted changes to params.yaml, src/a.py" in notes(found)
    assert "not kept: src/new.py" in notes(found)
    assert "Changed code cannot be restored" in notes(found)
    assert "cp .humotion/lineage/source/params.yaml .humotion/lineage/source/dvc.yaml ." in rebuild(found).commands
    gone = replace(found, run=None)
    assert "these changes cannot be restored" in notes(gone)
    assert not [command for command in rebuild(gone).commands if "mlflow" in command]


def test_a_dvc_experiment_is_its_commit_and_its_patch() -> None:
    run = replace(RUN, sources=("changes.patch", "params.yaml"))
    found = replace(TRACE, run=run, origin=DIRTY | {"dvc.exp_name": "bold-idea"}, store="postgresql://***@host/db")
    assert "DVC experiment bold-idea (not in this checkout)" in notes(found)
    assert "password" in notes(found)
    assert "git apply --whitespace=nowarn .humotion/lineage/source/changes.patch" in rebuild(found).commands


def test_a_trial_is_trained_with_its_parameters() -> None:
    run = replace(RUN, tags={"optuna.param.optimizer.lr": "0.01", "optuna.param.augment.balance": "none"})
    last = rebuild(replace(TRACE, run=run)).commands[-1]
    assert last == "dvc exp run -S experiments.a.optimizer.lr=0.01 -S experiments.a.augment.balance=none train@a"

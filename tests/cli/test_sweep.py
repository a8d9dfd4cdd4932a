"""`humotion sweep` as a user meets it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from humotion.errors import HumotionError
from humotion.sweep.storage import storage
from humotion.work import main_checkout
from tests.support.repository import REPOSITORY


def humotion(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "humotion", *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120", **environment}
    )


def test_help() -> None:
    assert "apply" in humotion("sweep", "--help").stdout
    run = humotion("sweep", "ls_vit", "--help")
    assert run.returncode == 0
    assert "--workers" in run.stdout and "dvc exp run -S" in run.stdout


def test_mistakes_are_told() -> None:
    done = humotion("sweep", "nosuch")
    assert done.returncode == 1
    assert done.stderr.startswith("humotion: params.yaml has no experiment 'nosuch'")
    assert "Traceback" not in done.stderr
    done = humotion("sweep", "--workers", "2", "ls_vit", "--storage", "mongodb://x")
    assert done.returncode == 1
    assert "Studies are stored in sqlite" in done.stderr or "not a database URL" in done.stderr


def test_which_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).write_text("{}\n")
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "temp"  # where `dvc exp run --temp` works
    copy.mkdir(parents=True)
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    monkeypatch.chdir(copy)
    assert main_checkout() == tmp_path
    assert storage().url == f"sqlite:///{tmp_path}/optuna.db"
    assert storage(configured="sqlite:///b.db").url == "sqlite:///b.db"
    monkeypatch.setenv("OPTUNA_STORAGE", "sqlite:///c.db")
    assert storage(configured="sqlite:///b.db").url == "sqlite:///c.db"
    assert storage("sqlite:///d.db", "sqlite:///b.db").url == "sqlite:///d.db"
    for wrong in ("sqlite://", "nonsense", "redis://localhost"):
        with pytest.raises(HumotionError):
            storage(wrong)


def test_optunas_own_command_opens_the_storage(tmp_path: Path) -> None:
    import optuna

    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    study = optuna.create_study(storage=url, study_name="ls_vit-0")
    study.optimize(lambda trial: trial.suggest_float("optimizer.lr", 0, 1), n_trials=2)
    command = [str(Path(sys.executable).with_name("optuna"))]
    done = subprocess.run(
        [*command, "trials", "--study-name", "ls_vit-0", "--storage", url, "-f", "json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "optimizer.lr" in done.stdout

"""The tiny project under git and the real DVC: one experiment, from its plan to its registration."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from humotion.params.document import load_params
from humotion.stages import augment, sample
from tests.support.repository import REPOSITORY
from tests.support.tiny_project import build_project, tiny_settings

STAGES = ("train", "evaluate", "register")
IGNORED = "/models/\n/reports/\n/registered/\n/mlflow.db*\n/mlruns/\n/.humotion/\n"


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def shell(command: str, folder: Path) -> str:
    """What a shell prints that runs ``command``: `humotion` is this Python's, and each checkout has its own store."""
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if key not in ("MLFLOW_TRACKING_URI", "DVC_EXP_NAME")}
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        env=kept | {"PATH": paths, "DVC_NO_ANALYTICS": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextlib.contextmanager
def inside(folder: Path, store: str | None = None) -> Iterator[None]:
    """The folder is the working folder, with its own MLflow store or with ``store``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow sets it to the store used last
        if store is not None:
            patch.setenv("MLFLOW_TRACKING_URI", store)
        yield


def build_pipeline(folder: Path) -> Path:
    """Clips and plan of experiment ``action`` made and in git, the stages from ``train`` on still to be run."""
    build_project(folder)
    pipeline: dict[str, Any] = YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text())
    stages = {name: pipeline["stages"][name] for name in STAGES}
    for stage in stages.values():  # the code that runs is this checkout's, which is not below the project
        stage["do"]["deps"] = [path for path in stage["do"]["deps"] if not path.startswith("src/")]
    settings = tiny_settings(only="action", register={"metric": "top1", "bootstrap": 100})
    for name, content in {"dvc.yaml": {"stages": stages}, "params.yaml": settings}.items():
        with (folder / name).open("w") as stream:
            YAML().dump(content, stream)
    (folder / ".gitignore").write_text(IGNORED)
    with inside(folder):
        for stage in (sample, augment):
            stage.run("action", load_params())
        shutil.rmtree(".humotion", ignore_errors=True)
        git("init", "--quiet")
        Repo.init(".").close()
        git("add", ".")
        git("commit", "--quiet", "-m", "everything but the model")
    return folder

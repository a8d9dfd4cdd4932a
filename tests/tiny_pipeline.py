"""The tiny project under git and the real DVC: one experiment, from its plan to its registration."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from humotion.params import load_params
from humotion.stages import augment, sample
from tests.dvc_project import REPOSITORY
from tests.tiny_project import build_project, tiny_settings

STAGES = ("train", "evaluate", "register")
IGNORED = "/models/\n/reports/\n/registered/\n/mlflow.db*\n/mlruns/\n/.humotion/\n"


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def environment(**changes: str) -> dict[str, str]:
    """For commands of a shell: `humotion` is this Python's, and each checkout has its own store."""
    scripts = Path(sys.executable).parent
    paths = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    author = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    kept = {key: value for key, value in os.environ.items() if key not in ("MLFLOW_TRACKING_URI", "DVC_EXP_NAME")}
    return kept | author | {"PATH": paths, "DVC_NO_ANALYTICS": "true"} | changes


def shell(command: str, folder: Path, **changes: str) -> str:
    """What a shell prints that runs ``command``; its complaint is that of the test."""
    done = subprocess.run(
        ["bash", "-euc", command], cwd=folder, env=environment(**changes), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build_pipeline(folder: Path) -> Path:
    """Clips and plan of experiment ``action`` made and in git, the stages from ``train`` on still to be run."""
    build_project(folder)
    pipeline: dict[str, Any] = YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text())
    stages = {name: pipeline["stages"][name] for name in STAGES}
    for stage in stages.values():  # the code that runs is this checkout's, which is not below the project
        stage["do"]["deps"] = [path for path in stage["do"]["deps"] if not path.startswith("src/")]
    for name, content in {"dvc.yaml": {"stages": stages}, "params.yaml": tiny_settings(only="action")}.items():
        with (folder / name).open("w") as stream:
            YAML().dump(content, stream)
    (folder / ".gitignore").write_text(IGNORED)
    with contextlib.chdir(folder):
        for stage in (sample, augment):
            stage.run("action", load_params())
        shutil.rmtree(".humotion", ignore_errors=True)
        git("init", "--quiet")
        shell("dvc init --quiet && dvc config core.analytics false && dvc config core.autostage false", folder)
        git("add", ".")
        git("commit", "--quiet", "-m", "everything but the model")
    return folder

"""The remote inside the repository holds the sample alone: a plain `dvc push` puts nothing there."""

from __future__ import annotations

import configparser
import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest
from dvc.config import NoRemoteError
from dvc.repo import Repo

from tests.support.repository import REPOSITORY

STAGE = "stages:\n  make:\n    cmd: echo model > model.txt\n    outs:\n      - model.txt\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout with this repository's DVC settings, the sample's remote, and an output to push."""
    folder = tmp_path / "checkout"
    (folder / ".dvc").mkdir(parents=True)
    (folder / "samples").mkdir()
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore"):
        shutil.copy(REPOSITORY / name, folder / name)
    (folder / "dvc.yaml").write_text(STAGE)
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder


def test_settings() -> None:
    settings = configparser.ConfigParser()
    settings.read(REPOSITORY / ".dvc" / "config")
    assert settings["'remote \"sample\"'"]["url"] == "../samples"  # relative to .dvc/: wherever the checkout lies
    assert "remote" not in settings["core"], "with a default remote, a plain `dvc push` would write into the repository"


def test_plain_push_writes_nothing_into_the_repository(checkout: Path) -> None:
    with contextlib.chdir(checkout), Repo(".") as repo:
        repo.reproduce()
        assert (checkout / "model.txt").read_text() == "model\n"
        with pytest.raises(NoRemoteError):
            repo.push()
        assert not list((checkout / "samples").iterdir())
        # What the sample's remote is for still works, and lands in samples/.
        assert repo.push(remote="sample") >= 1
        assert [path for path in (checkout / "samples").rglob("*") if path.is_file()]

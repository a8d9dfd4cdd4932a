"""Projects in which stages have run: a module makes its own once, as the fixture `finished`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def project(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The finished project as the working folder, for tests that leave it as it is."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow sets it to the store of the test before
    monkeypatch.chdir(finished)
    return finished


@pytest.fixture
def own_project(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished project, for tests that go on from there; the store's artifacts stay where they are."""
    folder = tmp_path / "own"
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("mlruns"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(folder)
    return folder

"""A tiny project with clips, ready to be swept; every test has a database of its own."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from humotion.params.document import Params
from humotion.stages import sample
from humotion.sweep.storage import Storage
from humotion.tracking.store import connect
from tests.support.tiny_project import build_project, tiny_params

LR = {"optimizer.lr": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}}


def swept(epochs: int = 2, base: Params | None = None, **sweep: Any) -> Params:
    """The tiny experiments with a sweep of ``action``: by default four trials over the learning rate."""
    raw = (base or tiny_params(epochs=epochs)).model_dump(mode="json", by_alias=True, exclude_unset=True)
    raw["sweeps"] = {"action": {"trials": 4, "space": LR, **sweep}}
    return Params.model_validate(raw)


def make_project(folder: Path) -> Path:
    build_project(folder)
    with contextlib.chdir(folder):
        sample.run("action", tiny_params())
        connect()
    return folder


@pytest.fixture(scope="session")
def clips_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return make_project(tmp_path_factory.mktemp("sweep") / "project")


@pytest.fixture
def project(clips_project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as the working folder."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    monkeypatch.chdir(clips_project)
    return clips_project


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(f"sqlite:///{tmp_path / 'optuna.db'}", heartbeat=1, grace=3)

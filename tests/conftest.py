"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY

SLOWEST_FIRST = (
    "browser/test_interfaces.py",
    "app/test_page.py",
    "test_commands.py",
    "test_extending.py",
    "sweep/test_workers.py",
    "lineage/test_lineage.py",
    "stages/test_train_killed.py",
    "training/test_distributed.py",
    "training/test_sbatch.py",
    "sweep/test_ranks.py",
    "test_dvc_params.py",
    "tracking/outbox/test_outbox.py",
    "tracking/test_many_processes.py",
    "fuzz/test_fuzz.py",
    "benchmarks/test_benchmarks.py",
    "cli/test_sweep.py",
)
"""Files that take longest. Several processes share the files; one that starts last would keep only one process busy."""


# Tests send these signals. A background job (`make test &`, nohup) ignores them, and so would the processes it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {REPOSITORY / "tests" / name: number for number, name in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))  # stable: the other files keep their order


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real footage and labels, which is never part of the repository."""
    folder = Path(os.environ.get("HUMOTION_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set HUMOTION_REAL_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def weights(real_data: Path) -> Path:
    """The folder of BlazePose's published files, without the heavy network."""
    folder = real_data / "blazepose"
    if not (folder / "pose_detection.tflite").exists():
        pytest.skip(f"no weights of BlazePose in {folder}")
    return folder

"""Errors of the machine as the libraries really raise them, and the sentence that they become."""

from __future__ import annotations

import errno
import resource
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from humotion.cli.explain import explanation


def raised_by(act: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        act()
    return caught.value


def test_a_full_disk_is_named_by_the_file_that_was_written(tmp_path: Path) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "/somewhere/source", None, str(tmp_path / "a" / "target"))
    said = explanation(error)
    assert said is not None
    assert f"The disk is full: {tmp_path} (written to)" in said
    mount = next(place for place in (tmp_path, *tmp_path.parents) if place.is_mount())
    assert f"on the file system at {mount}." in said
    assert explanation(OSError(errno.EDQUOT, "Disk quota exceeded")) is not None


def test_sqlite_on_a_full_disk(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")

    def fill() -> None:
        with engine.connect() as connection:
            connection.execute(text("PRAGMA max_page_count = 4"))
            connection.execute(text("CREATE TABLE t AS SELECT zeroblob(1000000) AS content"))

    error = raised_by(fill)
    assert isinstance(error, OperationalError)
    wrapped = RuntimeError("MLflow failed")
    wrapped.__cause__ = error
    for one in (error, wrapped):
        assert str(explanation(one)).startswith("The disk is full: ")


def test_the_folder_for_temporary_files_may_be_the_full_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = Path("/dev/shm") if Path("/dev/shm").is_dir() else tmp_path
    monkeypatch.setenv("TMPDIR", str(small))
    monkeypatch.setattr("shutil.disk_usage", lambda path: SMALL if Path(path) == small else LARGE)
    assert f"{small} (temporary files, TMPDIR) has 0.0 MB free" in str(explanation(sqlite3.OperationalError(FULL)))


FULL = "database or disk is full"
Usage = type(__import__("shutil").disk_usage("/"))
SMALL, LARGE = Usage(10**9, 10**9, 0), Usage(10**12, 0, 10**12)


def test_torch_on_a_full_disk(tmp_path: Path) -> None:
    """A limit of the size of files stands for the disk; torch reports it in its own words."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        error = raised_by(lambda: torch.save(torch.zeros(100_000), tmp_path / "x.pt"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(explanation(error)).startswith("The disk is full: ")


@pytest.mark.parametrize(
    "words",
    [
        "unable to allocate shared memory(shm) for file </torch_7_1>: No space left on device (28)",
        "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that dataloader's workers are out of "
        "shared memory. Please try to raise your shared memory limit.",
    ],
)
def test_too_little_shared_memory(words: str) -> None:
    said = str(explanation(RuntimeError(words)))
    assert "machine.workers: 0" in said
    assert "--shm-size" in said
    assert "The disk is full" not in said


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "Permission denied"), ValueError("shared memory"), KeyError()])
def test_other_errors_keep_their_traceback(error: Exception) -> None:
    assert explanation(error) is None

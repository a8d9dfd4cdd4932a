"""A small prepared dataset with a real frame store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.prepared import write_small_dataset


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the dataset of `write_small_dataset`."""
    write_small_dataset(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path

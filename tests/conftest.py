"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real footage and labels, which is never part of the repository."""
    folder = Path(os.environ.get("HUMOTION_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set HUMOTION_REAL_DATA to its folder")
    return folder

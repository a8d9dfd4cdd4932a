from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from joblib import delayed
from joblib.externals.loky import get_reusable_executor

from humotion.parallel import run_in_order


def multiply(_: int) -> float:
    """An entry of a product of matrices. MKL loads its library again for the first product of a process."""
    return float((torch.ones(64, 64) @ torch.ones(64, 64))[0, 0])


def place(_: int) -> tuple[int, str]:
    return os.getpid(), str(Path("/proc/self/cwd").readlink())


def test_workers_follow_their_caller_into_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    monkeypatch.chdir(old)
    first = {process for process, _ in run_in_order((delayed(place)(number) for number in range(8)), 2)}
    monkeypatch.chdir(new)
    old.rmdir()
    found = list(run_in_order((delayed(place)(number) for number in range(8)), 2))
    assert {folder for _, folder in found} == {str(new)}
    assert {process for process, _ in found} <= first, "joblib started other workers, so that nothing is tested"


def test_a_worker_multiplies_after_the_folder_in_which_it_started_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    monkeypatch.chdir(old)
    get_reusable_executor().shutdown(kill_workers=True)  # workers of other tests may have multiplied before
    assert list(run_in_order((delayed(int)(number) for number in range(8)), 2)) == list(range(8))
    monkeypatch.chdir(new)
    old.rmdir()
    assert set(run_in_order((delayed(multiply)(number) for number in range(8)), 2)) == {64.0}

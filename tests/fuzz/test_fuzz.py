from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fuzz
from benchmarks.fuzz_seeds import Seed
from benchmarks.mutations import MUTATIONS, mutate
from tests.support.footage import needs_ffmpeg
from tests.support.repository import REPOSITORY


@pytest.mark.thorough
@needs_ffmpeg
def test_sixty_damaged_files(tmp_path: Path) -> None:
    data = os.environ.get("HUMOTION_REAL_DATA", str(REPOSITORY.parent / "shared" / "data"))
    command = [sys.executable, "-m", "benchmarks.fuzz", "--count", "60", "--seed", "1", "--data", data]
    done = subprocess.run([*command, "--keep", str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    total = done.stdout.splitlines()[-1].split()
    assert total[:2] == ["all", "60"]
    assert not list(tmp_path.iterdir())


def test_the_same_seed_damages_the_same_bytes() -> None:
    data, other = bytes(range(256)) * 9, b"other" * 50
    first, second = (mutate(data, other, np.random.default_rng([3, 4])) for _ in range(2))
    assert first == second
    assert first[0] != data


@pytest.mark.parametrize("damage", MUTATIONS, ids=lambda damage: damage.__name__)
def test_every_damage_takes_every_length(damage: Callable[..., bytes]) -> None:
    for length in (1, 2, 5, 4000):
        for number in range(20):
            assert isinstance(damage(bytes(length), b"x", np.random.default_rng(number)), bytes)


def _grow() -> None:
    np.ones(2**40, np.uint8)


@pytest.mark.parametrize(
    ("misdeed", "result", "seconds"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "crashed with exit code -9", 600),
        (lambda: 1 / 0, "ZeroDivisionError", 600),
        (lambda: time.sleep(60), "no answer within", 2),
        (lambda: sum(iter(int, 1)), "crashed with exit code -9", 600),
        (_grow, "MemoryError", 600),
    ],
)
def test_failures_are_seen(
    misdeed: Callable[[], object], result: str, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "_run_stages", lambda layout, root: misdeed())
    monkeypatch.setattr(fuzz, "SECONDS", seconds)
    monkeypatch.setattr(fuzz, "CPU_SECONDS", 2)
    outcome = fuzz.run_apart(Seed("text", "folder", "walk/a.avi", b""), b"")
    assert outcome.is_failure
    assert result in outcome.result

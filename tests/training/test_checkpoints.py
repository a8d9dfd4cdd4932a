"""Damage of every file of unfinished work: what is chosen then, and that nothing damaged is."""

from __future__ import annotations

import logging
import resource
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from humotion.training.checkpoints import KeepProven, ProvenCheckpoints, Resumption, find_resumption

ALWAYS, ONCE = (0, 1, 2, 3), (0,)  # the epochs that were the best so far


def train(folder: Path, epochs: Iterable[int], best: Iterable[int]) -> None:
    """Save what a training saves in these epochs, in the order of Lightning."""
    writer = ProvenCheckpoints(find_resumption(folder))
    for epoch in epochs:
        state = {"epoch": epoch, "weights": torch.full((1000,), epoch)}
        if epoch in best:
            writer.save_checkpoint(state, folder / "best.ckpt")
        writer.save_checkpoint(state, folder / "last.ckpt")


def epoch_of(path: Path | None) -> int | None:
    return None if path is None else torch.load(path, weights_only=True)["epoch"]


def chosen(found: Resumption) -> tuple[int | None, int | None]:
    return epoch_of(found.checkpoint), epoch_of(found.best)


def start(found: Resumption) -> None:
    KeepProven(found).setup(SimpleNamespace(is_global_zero=True), None, "fit")  # type: ignore[arg-type]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("best", [ALWAYS, ONCE])
def test_whole_work_resumes_from_the_last_epoch(tmp_path: Path, best: tuple[int, ...]) -> None:
    assert find_resumption(tmp_path) == Resumption()
    train(tmp_path, range(3), best)
    found = find_resumption(tmp_path)
    assert chosen(found) == (2, max(epoch for epoch in best if epoch < 3))
    assert not found.damaged
    start(found)
    assert chosen(find_resumption(tmp_path)) == chosen(found)


@pytest.mark.parametrize("damage", [truncate, empty, flip_a_bit, Path.unlink])
@pytest.mark.parametrize(
    ("name", "best", "expected"),
    [
        ("last.ckpt", ALWAYS, (1, 1)),
        ("last.ckpt", ONCE, (1, 0)),
        ("best.ckpt", ALWAYS, (1, 1)),
        ("best.ckpt", ONCE, (None, None)),  # the best weights are lost, and only a new training finds them
        ("checkpoints.json", ALWAYS, (None, None)),
        ("previous.ckpt", ALWAYS, (2, 2)),
        ("best.previous.ckpt", ALWAYS, (2, 2)),
    ],
)
def test_damage(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    best: tuple[int, ...],
    expected: tuple[int | None, int | None],
    damage: Callable[[Path], Any],
) -> None:
    train(tmp_path, range(3), best)
    damage(tmp_path / name)
    found = find_resumption(tmp_path)
    assert chosen(found) == expected
    with caplog.at_level(logging.WARNING):
        start(found)
    if expected[0] == 2:
        assert not caplog.text
    elif damage is not Path.unlink:
        assert str(tmp_path) in caplog.text
        assert ("starts again" if expected[0] is None else "the epoch before") in caplog.text
        assert name == "checkpoints.json" or f"({name};" in caplog.text
    again = find_resumption(tmp_path)
    assert chosen(again) == expected, "what is set aside is not chosen later"
    train(tmp_path, range((expected[0] if expected[0] is not None else -1) + 1, 4), ALWAYS)
    assert chosen(find_resumption(tmp_path)) == (3, 3)


def test_killed_between_the_two_checkpoints_of_an_epoch(tmp_path: Path) -> None:
    train(tmp_path, range(2), ALWAYS)
    writer = ProvenCheckpoints(find_resumption(tmp_path))
    writer.save_checkpoint({"epoch": 2}, tmp_path / "best.ckpt")
    found = find_resumption(tmp_path)
    assert chosen(found) == (1, 1)
    assert not found.damaged
    start(found)
    assert epoch_of(tmp_path / "best.ckpt") == 1


def test_a_write_that_fails_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    train(tmp_path, range(2), ALWAYS)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))  # as on a full disk
    try:
        with pytest.raises((RuntimeError, OSError)):
            train(tmp_path, [2], ALWAYS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert chosen(find_resumption(tmp_path)) == (1, 1)
    assert not list(tmp_path.glob(".*"))

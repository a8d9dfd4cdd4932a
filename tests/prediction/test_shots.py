"""Shots start where the picture changes, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from humotion.prediction.predictor import DecodedVideo
from humotion.prediction.shots import shot_starts, stretches
from tests.support.clips import CATCH, GOLF, real_clip


def test_a_shot_starts_at_a_cut_and_at_no_other_frame(real_data: Path) -> None:
    golf, catch = (real_clip(real_data, name, 25).frames for name in (GOLF, CATCH))
    assert golf.shape[1:] == catch.shape[1:]
    joined = DecodedVideo(np.concatenate([golf, catch, golf]), 25.0)
    assert np.flatnonzero(shot_starts(joined)).tolist() == [0, 25, 50]
    assert shot_starts(joined) is shot_starts(joined), "several models share it"
    for frames in (golf, catch):
        assert np.flatnonzero(shot_starts(DecodedVideo(frames, 25.0))).tolist() == [0]


def test_a_moving_square_and_slow_light_are_no_cut() -> None:
    frames = np.full((20, 48, 64, 3), 110, np.uint8) + np.arange(20, dtype=np.uint8)[:, None, None, None]
    for number, frame in enumerate(frames):
        frame[10:22, number : number + 12] = (230, 40, 40)
    assert shot_starts(DecodedVideo(frames, 25.0)).sum() == 1


@pytest.mark.parametrize(
    ("known", "starts", "expected"),
    [
        ("11111", "10000", [(0, 5)]),
        ("11111", "10100", [(0, 2), (2, 5)]),
        ("01101", "10000", [(1, 3), (4, 5)]),
        ("01101", "11011", [(1, 3), (4, 5)]),  # a shot that starts where nobody is
        ("11011", "10011", [(0, 2), (3, 4), (4, 5)]),
        ("00000", "10100", []),
        ("", "", []),
    ],
)
def test_stretches(known: str, starts: str, expected: list[tuple[int, int]]) -> None:
    found = stretches(np.array([*known]) == "1", np.array([*starts]) == "1")
    assert [(stretch.start, stretch.stop) for stretch in found] == expected

"""For every damaged video: its frames are the right ones, or its status is not ok."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz_truth import KINDS, VERDICTS, Whole, judge, make_whole, table
from benchmarks.mutations import MUTATIONS, mutate
from tests.support.footage import needs_ffmpeg

pytestmark = needs_ffmpeg


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Whole]:
    folder = tmp_path_factory.mktemp("whole")
    return {name: make_whole(folder, name) for name in KINDS}


DAMAGE = st.tuples(
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(range(len(MUTATIONS))),
    st.integers(0, 2**32 - 1),
)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(DAMAGE)
def test_ok_is_true(wholes: dict[str, Whole], tmp_path: Path, damage: tuple[str, int, int]) -> None:
    name, kind, seed = damage
    rng = np.random.default_rng(seed)
    data = MUTATIONS[kind](wholes[name].data, wholes["h264.mp4"].data, rng)
    verdict, said = judge(wholes[name], data, tmp_path)
    assert verdict != "LIE", f"{name}, {MUTATIONS[kind].__name__}, seed {seed}: {said}"


@pytest.mark.parametrize("name", KINDS)
def test_zeroed_or_lost_bytes_are_caught(name: str, wholes: dict[str, Whole], tmp_path: Path) -> None:
    """Where frames changed, the status says so, except for the rare change that leaves a valid video."""
    whole, verdicts = wholes[name], []
    for number in range(12):
        start = len(whole.data) * (number + 6) // 24
        for data in (whole.data[:start] + whole.data[start + 300 :], whole.data[:start]):
            verdicts.append(judge(whole, data, tmp_path)[0])
    assert "LIE" not in verdicts
    assert verdicts.count("as ffmpeg") <= 2
    assert verdicts.count("caught") + verdicts.count("caught late") >= 18


def test_a_lie_would_be_seen(wholes: dict[str, Whole], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = wholes["mpeg4.avi"]
    assert judge(whole, whole.data, tmp_path)[0] == "whole"
    monkeypatch.setattr("benchmarks.fuzz_truth._is_as_ffmpeg", lambda path: False)
    other = Whole(whole.name, whole.data, whole.frames[::-1])
    assert judge(other, whole.data, tmp_path)[0] == "LIE"
    data, _ = mutate(whole.data, whole.data, np.random.default_rng(1))
    assert judge(whole, data, tmp_path)[0] in VERDICTS


def test_the_share_that_was_caught() -> None:
    lines = table({"a.avi": Counter({"caught": 6, "caught late": 2, "as ffmpeg": 2, "whole": 5})}).splitlines()
    assert lines[-1].split() == ["all", "15", "5", "2", "6", "2", "0", "80.0%"]

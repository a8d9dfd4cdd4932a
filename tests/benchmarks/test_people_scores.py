"""The benchmark of scores, on a few images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import people_scores


def test_all_ways_give_the_same_ap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--images", "10", "--people", "4", "--detections", "25", "--repeats", "1", "--draws", "5"]
    people_scores.main([*sizes, "--json", str(tmp_path / "report.json")])
    assert "ms per draw of 10 images" in capsys.readouterr().out
    assert set(json.loads((tmp_path / "report.json").read_text())) == {"hardware", "draw", "timings", "ratios"}

"""The benchmark of abstention, on three short recordings and with one epoch."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import abstention
from tests.stages.test_landmarks import recording


def test_every_class_is_left_out_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, (name, speed) in enumerate((("SLOW", 0.2), ("FAST", 2.0), ("STILL", 0.0))):
        recording(90, speed, seed=number).to_csv(tmp_path / f"{name}.txt")
    abstention.main(["--recordings", str(tmp_path), "--experiments", "ddnet", "--epochs", "1"])
    rows = [line for line in capsys.readouterr().out.splitlines() if "| ddnet |" in line]
    assert [row.split("|")[1].strip() for row in rows] == ["FAST", "SLOW", "STILL"]
    for row in rows:
        assert row.split("|")[6].strip() == "81"  # windows of 10 frames in 90 rows

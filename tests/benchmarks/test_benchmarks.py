"""The benchmarks run and report; what they measure is asserted nowhere, because tests share their machine."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import action_throughput, extraction, loading, memory, pose_decoding
from benchmarks.measure import Timing, Work, compare, ratios
from tests.support.trees import write_video


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A stand-in for the folder of real footage."""
    folder = tmp_path / "data"
    for number in range(4):
        write_video(folder / "jhmdb" / "ReCompress_Videos" / "walk" / f"{number}.avi", 20, size=(128, 96))
    for number in range(2):
        write_video(folder / "hmdb51" / "untrimmed" / f"{number}.avi", 30, b_frames=2, size=(128, 96))
    return folder


@pytest.fixture(autouse=True)
def _cores() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


def test_extraction(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg command to compare with")
    report = tmp_path / "report.json"
    extraction.main(["--data", str(data), "--processes", "1", "--repeats", "1", "--json", str(report)])
    text = capsys.readouterr().out
    assert "humotion extract over OpenCV read + imwrite" in text
    found = json.loads(report.read_text())["processes_1"]
    frames = {name: row["units"] for name, row in found["timings"].items()}
    assert frames.pop("ffmpeg once a clip") == 20  # every fourth clip
    assert set(frames.values()) == {80}
    assert [ratio["asked"] for ratio in found["ratios"]] == [4.0, 1.3, 1.3, 0.85]


def test_loading(data: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ["--processes", "1", "--repeats", "1", "--copies", "2", "--neighbours", "1", "--json", str(report)]
    loading.main(["--data", str(data), *arguments])
    found = json.loads(report.read_text())
    for title in ("short, 16 x 1 frames", "untrimmed, 16 x 1 frames"):
        units = {row["units"] for row in found[title]["processes_1"]["timings"].values()}
        assert units == {4}


def test_loading_profile(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loading.main(["--data", str(data), "--profile", "--copies", "1", "--neighbours", "1"])
    assert "decode" in capsys.readouterr().out


def test_memory(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    memory.main(["--data", str(data), "--videos", "2"])
    assert "2 videos" in capsys.readouterr().out


@pytest.mark.parametrize("benchmark", [extraction, loading, memory])
def test_footage_that_is_not_there_is_said(benchmark: object, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no \.avi files below"):
        benchmark.main(["--data", str(tmp_path)])  # type: ignore[attr-defined]


def test_ratios_compare_units_a_second() -> None:
    ours, other = Timing(100, 0, 1.0, 2.0, (1.0,)), Timing(50, 0, 2.0, 3.0, (2.0,))
    assert ratios({"ours": ours, "other": other}, "ours", "other") == (4.0, 3.0)


def test_contenders_take_turns_after_a_warm_up() -> None:
    calls: list[str] = []

    def contender(name: str) -> Work:
        calls.append(name)
        return Work(3, wall=float(len(calls)))

    found = compare({name: lambda name=name: contender(name) for name in "ab"}, 3, "")
    assert calls == ["a", "b"] * 4
    assert (found["a"].walls, found["a"].wall, found["a"].num_units) == ((3.0, 5.0, 7.0), 5.0, 3)


def test_pose_decoding_of_made_maps(capsys: pytest.CaptureFixture[str]) -> None:
    pose_decoding.main(["--joints", "50"])
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["error in px", "---", "argmax", "quarter", "dark"]
    assert all(float(value) >= 0 for row in rows[2:] for value in row[1:])


def test_action_throughput(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.json"
    sizes = ["--dim=16", "--depth=1", "--heads=2", "--image-size=32", "--frames=2", "--batch=1", "--repeats=1"]
    models = ["--models", "vit", "ls_vit default", "TimeSformer"]
    action_throughput.main([*sizes, *models, "--no-memory", "--json", str(report)])
    assert "SMIF and LMI add" in capsys.readouterr().out
    found = json.loads(report.read_text())["models"]
    assert found["vit"]["train_over_vit"] == 1
    # patches, then a block on 5 tokens: qkv and projection, the MLP, attention; the classifier; a multiply-add is two
    products = 4 * 768 * 16 + 5 * (3 + 1 + 8) * 16 * 16 + 2 * 5 * 5 * 16
    assert found["vit"]["gflop_clip"] == pytest.approx((2 * products * 2 + 2 * 16 * 51) / 1e9)


def test_action_throughput_needs_the_model_that_others_are_timed_beside(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        action_throughput.main(["--models", "TimeSformer"])
    assert "--models needs vit" in capsys.readouterr().err


def test_a_checkpointed_step_takes_less_memory() -> None:
    sizes = ["--dim=64", "--depth=12", "--heads=2", "--image-size=64", "--patch-size=4", "--frames=4", "--batch=8"]
    found = action_throughput.memory_of(["vit"], sizes)["vit"]
    # 32 frames of 257 tokens: the MLPs' hidden layers, before and after GELU, are 16 MiB a block
    assert found["plain"] > 12 * 16
    assert found["checkpointing"] < 0.85 * found["plain"]  # 0.63 on a quiet machine; the allocator adds its own

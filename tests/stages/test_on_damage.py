"""Damaged videos through index, extract, explore, sample's choice and summary: counted, named, and used as asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from humotion.checkout.summary import summarise
from humotion.clips.input import load_input
from humotion.clips.videos import usable, with_frames
from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.params.document import Params
from humotion.stages import explore, extract, index
from humotion.store.frames import FrameStore
from tests.support.footage import film, needs_ffmpeg

pytestmark = needs_ffmpeg
PREPARED = Path("prepared/data")
HURT = ("walk/cut", "walk/hidden", "walk/hole")


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two whole videos; a cut; a hole that the packets show; and one that only decoding shows."""
    root = tmp_path_factory.mktemp("footage")
    (root / "walk").mkdir()
    (root / "sit").mkdir()
    whole = film(root / "walk" / "whole.mkv", "libx264", "-pix_fmt yuv420p -g 12", "128x96", 40)
    film(root / "sit" / "whole.avi", "mpeg4", "", "128x96", 20)
    data = whole.read_bytes()
    (root / "walk" / "cut.mkv").write_bytes(data[: len(data) * 3 // 4])
    half = len(data) // 2
    (root / "walk" / "hole.mkv").write_bytes(data[:half] + bytes(900) + data[half + 900 :])
    hidden = film(root / "walk" / "hidden.mp4", "libx264", "-pix_fmt yuv420p -movflags +faststart", "128x96", 40)
    content = bytearray(hidden.read_bytes())
    content[-2000:-1600] = bytes(400)
    hidden.write_bytes(content)
    return root


def params(root: Path, on_damage: str) -> Params:
    frames = {"shards": 2, "short_side": 48}
    data = {"layout": "folder", "root": str(root), "on_damage": on_damage, "frames": frames}
    return Params.model_validate({"datasets": {"data": data}, "experiments": {}, "machine": {"workers": 1}})


@pytest.fixture(params=["keep", "drop"])
def settings(request: pytest.FixtureRequest, footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(tmp_path)
    found = params(footage, request.param)
    index.run("data", found)
    extract.run("data", found)
    return found


def test_each_stage_counts_and_names_them(settings: Params, caplog: pytest.LogCaptureFixture) -> None:
    on_damage = settings.dataset("data").on_damage
    indexed = read_json(PREPARED / "index.json")
    assert indexed["status"] == {"damaged": 1, "ok": 3, "truncated": 1}
    assert indexed["damaged"]["walk/hole"].startswith("damaged: at packet ")

    table = pd.read_parquet(PREPARED / "frames.parquet").set_index("video_id")
    assert table["status"].to_dict() == {
        **{"sit/whole": "ok", "walk/cut": "truncated", "walk/hidden": "damaged"},
        **{"walk/hole": "damaged", "walk/whole": "ok"},
    }
    kept = table["num_frames"]
    assert kept[["sit/whole", "walk/whole"]].tolist() == [20, 40]
    assert all(0 < kept[name] < 40 if on_damage == "keep" else kept[name] == 0 for name in HURT)
    assert all("from frame" in table["error"][name] for name in HURT)
    assert all(("on_damage is drop" in table["error"][name]) is (on_damage == "drop") for name in HURT)
    store = FrameStore(PREPARED / "frames", PREPARED / "frames.parquet")
    assert set(store) == set(table.index) - (set(HURT) if on_damage == "drop" else set())

    explore.run("data", settings)
    facts = read_json(Path("metrics/data/data.json"))
    assert (facts["num_truncated"], facts["num_damaged"]) == (1, 2)
    report = Path("reports/data/report.md").read_text()
    assert "2 damaged, 1 truncated" in report
    assert ("3 of them had whole frames and were dropped" in report) is (on_damage == "drop")
    assert pd.read_csv("reports/data/problems.csv")["video_id"].tolist() == sorted(HURT)
    assert "data: 1 truncated, 2 damaged" in summarise(settings)
    assert f"(on_damage: {on_damage})" in summarise(settings)


def test_what_can_be_sampled(settings: Params) -> None:
    videos = pd.read_parquet(PREPARED / "videos.parquet")
    frames = pd.read_parquet(PREPARED / "frames.parquet")
    store = FrameStore(PREPARED / "frames", PREPARED / "frames.parquet")
    found = usable(with_frames(videos, frames), load_input("whole_frames"), store)
    if settings.dataset("data").on_damage == "keep":
        assert len(found.videos) == 5
        assert found.left_out == {}
    else:
        assert len(found.videos) == 2
        assert found.left_out == {"damaged": ["walk/hidden", "walk/hole"], "truncated": ["walk/cut"]}


def test_the_log_names_them(
    footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = params(footage, "keep")
    index.run("data", settings)
    extract.run("data", settings)
    (text,) = [record.getMessage() for record in caplog.records if "not whole" in record.getMessage()]
    assert text.startswith("3 of 5 videos of 'data' are not whole (2 damaged, 1 truncated):")
    assert "walk/hidden: damaged: damage from frame" in text


def test_fail_names_all_of_them_and_writes_nothing(
    footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = params(footage, "fail")
    index.run("data", settings)
    with pytest.raises(HumotionError, match="on_damage is fail") as raised:
        extract.run("data", settings)
    assert all(name in str(raised.value) for name in HURT)
    assert not (PREPARED / "frames.parquet").exists()


def test_fail_lets_whole_videos_pass(footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("walk/whole.mkv", "sit/whole.avi"):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(footage / name, tmp_path / "root" / name)
    settings = params(tmp_path / "root", "fail")
    index.run("data", settings)
    extract.run("data", settings)
    assert pd.read_parquet(PREPARED / "frames.parquet")["status"].tolist() == ["ok", "ok"]

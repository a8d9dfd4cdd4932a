from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import simplejpeg
from PIL import Image

from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.errors import HumotionError
from humotion.exploration.measures import measure_frames, robust_z, split_facts
from humotion.params.document import Params
from humotion.stages import explore
from humotion.store.frames import FrameStore, PackedVideo, shard_name, write_shard

NUM_BLACK = 2


def video_rows() -> list[dict]:
    """Nine readable videos of two classes, one corrupt and one missing; film f0 is in train and test."""
    rows = []
    for index in range(9):
        label = "sit" if index < 3 else "run_with_a_long_name"
        role = [None, "train", "test"][index % 3]
        rows.append({"video_id": f"{label}/v{index}", "label": label, "split_1": role, "group": f"f{index // 4}"})
    rows += [{"video_id": f"sit/{name}", "label": "sit", "split_1": "train", "group": "f9"} for name in ("bad", "gone")]
    return [row | {"path": row["video_id"], "label_id": int(row["label"] == "sit")} for row in rows]


def pack(video_id: str, index: int, with_pose: bool) -> PackedVideo:
    generator = np.random.default_rng(index)
    size = (48, 64, 3)
    frames = generator.integers(60, 160, (5 + index, *size), dtype=np.uint8)
    if index < NUM_BLACK:
        frames[:] = index
    jpegs = [simplejpeg.encode_jpeg(frame, quality=90) for frame in frames]
    if not with_pose:
        return PackedVideo(video_id, 64, 48, 25.0, jpegs)
    joints = generator.uniform(5, 40, (len(frames), 13, 2)).astype(np.float32)
    visibility = np.tile(np.array([2] * 6 + [1] * 4 + [0] * 3, np.uint8), (len(frames), 1))
    boxes = np.tile(np.array([0, 0, 40, 40], np.float32), (len(frames), 1))
    return PackedVideo(video_id, 64, 48, 25.0, jpegs, joints[None], visibility[None], boxes[None])


def prepare(root: Path, with_pose: bool, num_readable: int = 9) -> None:
    """Write prepared/tiny/ as the stages before would."""
    rows = video_rows()
    folder = root / "prepared" / "tiny"
    (folder / "frames").mkdir(parents=True)
    packed = [pack(row["video_id"], index, with_pose) for index, row in enumerate(rows[:num_readable])]
    write_shard(folder / "frames" / shard_name(0), packed, PENN_ACTION if with_pose else None)
    status = ["ok"] * num_readable + ["corrupt"] * (10 - num_readable) + ["missing"]
    decoded = [
        {
            "video_id": row["video_id"],
            "shard": 0,
            "row": index if index < num_readable else -1,
            "num_frames": len(packed[index].jpegs) if index < num_readable else 0,
            "method": "cpu",
            "status": status[index],
            "error": "no | frame\nfound" if status[index] == "corrupt" else None,
        }
        for index, row in enumerate(rows)
    ]
    facts = {"fps": 25.0, "width": 128, "height": 96, "num_frames_probed": 9, "status": "ok", "error": None}
    videos = pd.DataFrame([row | facts for row in rows]).astype({"width": "Int32", "height": "Int32"})
    videos.to_parquet(folder / "videos.parquet", index=False)
    pd.DataFrame(decoded).to_parquet(folder / "frames.parquet", index=False)


@pytest.fixture
def params() -> Params:
    datasets = {"tiny": {"layout": "folder", "root": "data/tiny"}}
    return Params.model_validate({"datasets": datasets, "experiments": {}, "machine": {"workers": 2}})


@pytest.mark.parametrize("with_pose", [False, True])
def test_report_of_a_small_dataset(tmp_path, monkeypatch, params, with_pose):
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path, with_pose)
    explore.run("tiny", params)
    folder = tmp_path / "reports" / "tiny"

    summary = json.loads((tmp_path / "metrics" / "tiny" / "data.json").read_text())
    assert summary["num_videos"] == 9
    assert summary["num_frames"] == sum(range(5, 14))
    assert summary["num_videos_with_joints"] == (9 if with_pose else 0)
    assert (summary["largest_class"], summary["smallest_class"], summary["imbalance_ratio"]) == (6, 3, 2.0)
    assert (summary["num_unreadable"], summary["num_missing"]) == (1, 1)
    assert summary["splits"]["split_1"]["num_train"] == 3

    statistics = pd.read_parquet(folder / "statistics.parquet")
    assert statistics["video_id"].is_unique
    assert statistics.loc[0, "brightness"] < 3 < 60 < statistics.loc[5, "brightness"]
    assert statistics.loc[0, "sharpness"] < 1 < statistics.loc[5, "sharpness"]

    report = (folder / "report.md").read_text()
    for figure in folder.glob("*.[pj][np]g"):
        assert f"({figure.name})" in report
        with Image.open(figure) as image:
            image.load()
    assert "| sit/bad | corrupt | 0 | no \\| frame found |" in report
    assert (folder / "joints.png").exists() == with_pose
    assert pd.read_csv(folder / "problems.csv")["video_id"].tolist() == ["sit/bad", "sit/gone"]


def test_copies_across_films_are_reported_and_shown(tmp_path, monkeypatch, params):
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path, with_pose=False)
    folder = tmp_path / "prepared" / "tiny"
    rows = [row["video_id"] for row in video_rows()[:9]]
    # v8 (film f2, test) shows what v4 (film f1, train) shows, some of it again at half the brightness.
    frames = FrameStore(folder / "frames", folder / "frames.parquet")[rows[4]].decode(range(9))
    darker = [simplejpeg.encode_jpeg(np.ascontiguousarray(frame // 2), quality=90) for frame in frames]
    videos = [pack(video_id, index, False) for index, video_id in enumerate(rows[:8])]
    copy = PackedVideo(rows[8], 64, 48, 25.0, darker)
    write_shard(folder / "frames" / shard_name(0), [*videos, copy], None)
    explore.run("tiny", params)
    found = pd.read_csv("reports/tiny/near_duplicates.csv")
    assert found[["video_a", "video_b", "across_groups", "split_1"]].to_numpy().tolist() == [
        [rows[4], rows[8], True, "train/test"]
    ]
    facts = json.loads(Path("metrics/tiny/data.json").read_text())["near_duplicates"]
    assert facts["num_pairs_across_groups"] == 1
    assert facts["splits"] == {"split_1": {"num_pairs": 1, "num_pairs_across_groups": 1, "num_test_videos": 1}}
    assert "| split_1 | 1 | 1 | 1 |" in Path("reports/tiny/report.md").read_text()
    assert Image.open("reports/tiny/near_duplicates.jpg").width > 1000


def test_nothing_readable_is_an_error_that_says_where_to_look(tmp_path, monkeypatch, params):
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path, with_pose=False, num_readable=0)
    with pytest.raises(HumotionError, match=r"frames\.parquet"):
        explore.run("tiny", params)
    assert not (tmp_path / "reports").exists()


def test_stages_before_must_have_run(tmp_path, monkeypatch, params):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HumotionError, match="index stage"):
        explore.run("tiny", params)
    with pytest.raises(HumotionError, match="tiny"):
        explore.run("unknown", params)


def test_measures_of_frames_by_hand():
    grey = np.full((2, 8, 8, 3), 100, np.uint8)
    assert measure_frames(grey) == {
        **{"brightness": 100, "contrast": 0, "sharpness": 0, "saturation": 0},
        **{"red": 100, "green": 100, "blue": 100, "warmth": 0},
    }
    halves = np.zeros((1, 8, 8, 3), np.uint8)
    halves[:, :, 4:] = [200, 0, 0]
    measures = measure_frames(halves)
    assert (measures["red"], measures["warmth"]) == (100, 100)
    assert measures["saturation"] == pytest.approx(127.5)
    assert measures["sharpness"] > 0


def test_robust_z_is_not_moved_by_the_outlier():
    values = pd.Series([10.0, 11, 12, 13, 14, 1000])
    z = robust_z(values)
    assert z.iloc[:5].abs().max() < 2
    assert z.iloc[5] > 100
    assert robust_z(values, is_log=True).iloc[5] < z.iloc[5]
    mostly_equal = robust_z(pd.Series([40.0] * 6 + [10]))
    assert mostly_equal.iloc[0] == 0
    assert mostly_equal.iloc[-1] < -3.5
    assert (robust_z(pd.Series([7.0] * 4)) == 0).all()


def test_leakage_is_counted_by_group_and_by_class():
    table = pd.DataFrame(
        [
            ("sit", "a", "train"),
            ("sit", "a", "test"),
            ("run", "a", "test"),
            ("run", "b", "train"),
            ("sit", "b", "test"),
            ("run", "c", "test"),
            ("run", "d", None),
            ("run", None, "train"),
            ("run", None, "test"),
        ],
        columns=["label", "group", "split_1"],
    )
    assert split_facts(table, "split_1") == {
        "num_train": 3,
        "num_test": 5,
        "num_unused": 1,
        "num_shared_groups": 2,
        "num_shared_groups_in_class": 1,
        "num_test_videos_in_shared_groups": 3,
    }

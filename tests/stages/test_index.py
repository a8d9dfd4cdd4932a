from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io

from humotion.datasets.shared.open import layout_class
from humotion.files import read_json
from humotion.params.document import Params
from humotion.stages import index
from humotion.stages.index import source_of
from tests.support.trees import hmdb51_tree, jhmdb_tree, penn_labels, penn_tree


def params(layout: str, root: Path, workers: int = 1, shards: int = 3, **frames: int) -> Params:
    datasets = {"data": {"layout": layout, "root": str(root), "frames": {"shards": shards, **frames}}}
    return Params.model_validate({"datasets": datasets, "experiments": {}, "machine": {"workers": workers}})


def test_hmdb51(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = hmdb51_tree(tmp_path / "root")
    (root / "walk" / "Some_Film_walk_f_cm_np1_fr_med_0.avi").write_bytes(b"garbage" * 100)
    (root / "walk" / "Some_Film_walk_f_cm_np1_fr_med_1.avi").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    index.run("data", params("hmdb51", root, workers=2))
    table = pd.read_parquet("prepared/data/videos.parquet")
    assert list(table.columns) == [
        *("video_id", "path", "label", "label_id", "split_1", "split_2", "split_3", "group"),
        *("field_visible", "field_camera", "field_people", "field_view", "field_quality"),
        *("fps", "width", "height", "num_frames_probed", "status", "error"),
    ]
    rows = table.set_index("video_id")
    whole = rows.loc["brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0"]
    assert (whole.status, whole.fps, whole.width, whole.height) == ("ok", 30, 64, 48)
    assert pd.isna(whole.error)
    bad = rows.loc["walk/Some_Film_walk_f_cm_np1_fr_med_0"]
    assert bad.status == "corrupt"
    assert bad.error
    assert pd.isna(bad.width)
    assert rows["label_id"].dtype == "int64"

    report = read_json(Path("prepared/data/index.json"))
    assert report["num_videos"] == 6
    assert report["status"] == {"corrupt": 1, "empty": 1, "missing": 1, "ok": 3}
    assert report["classes"]["walk"] == {"corrupt": 1, "empty": 1, "ok": 2}
    assert report["splits"]["split_1"] == {"test": 2, "train": 3, "unused": 1}
    assert list(report["damaged"]) == [
        "walk/Some_Film_walk_f_cm_np1_fr_med_0",
        "walk/Some_Film_walk_f_cm_np1_fr_med_1",
    ]


def test_penn_action_with_a_damaged_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = penn_tree(tmp_path / "root")
    content = penn_labels(5)
    del content["y"]
    scipy.io.savemat(root / "labels" / "0002.mat", content)
    monkeypatch.chdir(tmp_path)
    index.run("data", params("penn_action", root))
    table = pd.read_parquet("prepared/data/videos.parquet")
    assert table["status"].tolist() == ["ok", "corrupt", "ok"]
    assert "'y'" in table["error"][1]
    assert table["num_frames_probed"].tolist() == [5, pd.NA, 5]
    assert table["fps"].isna().all()


def test_jhmdb_joints_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = jhmdb_tree(tmp_path / "root")
    next((root / "joint_positions").rglob("*med_1/*.mat")).write_bytes(b"nothing")
    monkeypatch.chdir(tmp_path)
    index.run("data", params("jhmdb", root))
    table = pd.read_parquet("prepared/data/videos.parquet")
    assert table["status"].tolist() == ["ok", "corrupt", "ok"]
    assert "joint_positions.mat" in table["error"][1]


def test_indexing_twice_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = hmdb51_tree(tmp_path / "root")
    monkeypatch.chdir(tmp_path)
    found = []
    for workers in (1, 2):
        index.run("data", params("hmdb51", root, workers=workers))
        found.append([Path("prepared/data", name).read_bytes() for name in ("videos.parquet", "index.json")])
    assert found[0] == found[1]


def test_real_datasets(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    index.run("data", params("hmdb51", real_data / "hmdb51"))
    report = read_json(Path("prepared/data/index.json"))
    assert report["status"] == {"missing": 6766}
    assert report["splits"]["split_1"] == {"test": 1530, "train": 3570, "unused": 1666}


def test_what_the_index_says_of_footage_and_terms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the model card, which knows no dataset."""
    monkeypatch.chdir(tmp_path)
    layouts = layout_class("hmdb51"), layout_class("folder")
    hmdb51, folder = (kind(Path("anywhere")) for kind in layouts)
    sample = Path("data/hmdb51")
    assert "rendered" not in source_of(sample, hmdb51)["footage"], "without data.dvc it is somebody's own footage"
    Path("data.dvc").touch()
    about = source_of(sample, hmdb51)
    assert "not real footage" in about["footage"]
    assert "CC BY" not in about["terms"], "the sample is not the public dataset"
    real = source_of(Path("/videos/hmdb51"), hmdb51)
    assert "rendered" not in real["footage"]
    assert real["terms"] == "see the dataset's terms (the public hmdb51: CC BY 4.0, according to its page)"
    assert source_of(Path("/videos/mine"), folder)["terms"] == "see its terms"


def test_what_is_left_out_is_printed_once_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = hmdb51_tree(tmp_path / "root")
    for name in ("walk/notes.txt", "._x", "dance/a.avi"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    monkeypatch.chdir(tmp_path)
    index.run("data", params("hmdb51", root))
    found = read_json(Path("prepared/data/index.json"))
    assert found["left_out"] == {
        **{"num_files": 2, "files": {"dance/": 1, "walk/notes.txt": 1}},
        **{"folders_not_listed": {}, "system_entries": {"._*": 1}},
    }
    assert found["notes"] == ["1 clips are in no split file: walk/Extra_walk_f_cm_np1_fr_med_0"]
    told = [record.getMessage() for record in caplog.records]
    assert len([text for text in told if "2 files are left out: dance/, walk/notes.txt" in text]) == 1
    assert len([text for text in told if "1 of 6 videos are missing: brush_hair/Gone" in text]) == 1


def test_labels_that_are_not_as_in_the_file_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = penn_tree(tmp_path / "root")
    boxes = np.tile([4.0, 5.0, 60.0, 44.0], (4, 1))  # a row short
    boxes[1] = boxes[2] = 7  # without area
    seen = np.ones((5, 13), np.uint8)
    seen[2] = 0
    scipy.io.savemat(root / "labels" / "0001.mat", {**penn_labels(5), "bbox": boxes, "visibility": seen})
    scipy.io.savemat(root / "labels" / "0002.mat", {**penn_labels(5), "bbox": np.zeros((5, 4)), "visibility": seen * 0})
    monkeypatch.chdir(tmp_path)
    index.run("data", params("penn_action", root))
    assert read_json(Path("prepared/data/index.json"))["changed_labels"] == {
        "an empty box, as in all frames of the video: it is 0, 0, 0, 0": {"frames/0002": 5},
        "an empty box: that of another frame replaces it": {"frames/0001": 1},
        "an empty box: the extent of the visible joints replaces it": {"frames/0001": 1},
        "no box: the last one of the file is repeated": {"frames/0001": 1},
    }
    told = [record.getMessage() for record in caplog.records]
    assert len([text for text in told if "labels: 1 frames of 1 videos have no box: the last one" in text]) == 1


def test_clips_without_masks_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = jhmdb_tree(tmp_path / "root")
    (with_masks, without) = sorted(path for path in (root / "puppet_mask").rglob("*.mat"))
    without.unlink()
    monkeypatch.chdir(tmp_path)
    index.run("data", params("jhmdb", root))
    found = read_json(Path("prepared/data/index.json"))["changed_labels"]
    start = "ReCompress_Videos/walk/"
    assert found["no box: the last one of the file is repeated"] == {f"{start}{with_masks.parent.name}": 1}
    (kind,) = [kind for kind in found if kind.startswith("no puppet_mask.mat: the box is the extent of the joints")]
    assert found[kind] == {f"{start}{without.parent.name}": 6}
    assert len(found) == 2


def test_files_that_dvc_ignores_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = hmdb51_tree(tmp_path / "root")
    (tmp_path / ".dvc").mkdir()
    (root / ".dvcignore").write_text("*.avi\n")
    monkeypatch.chdir(tmp_path)
    index.run("data", params("hmdb51", root))
    (note,) = [note for note in read_json(Path("prepared/data/index.json"))["notes"] if "DVC" in note]
    assert note.startswith(f"{root / '.dvcignore'} takes files out of what DVC tracks")
    assert len([record for record in caplog.records if note in record.getMessage()]) == 1

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from humotion import choices
from humotion.datasets.folder import Folder
from humotion.datasets.shared.omissions import find_omissions
from humotion.datasets.shared.open import open_dataset
from humotion.errors import HumotionError


def test_list_videos(tmp_path: Path) -> None:
    for name in ("a/one.mp4", "a/one.avi", "a/day 1/cut.1.mov", "a/day 1/cut.2.MOV", "b/x.webm", "b/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    table = Folder(tmp_path).list_videos()
    assert table["video_id"].tolist() == ["a/day 1/cut.1", "a/day 1/cut.2", "a/one.avi", "a/one.mp4", "b/x"]
    assert table["group"].tolist() == ["a/day 1", "a/day 1", "a/one.avi", "a/one.mp4", "b/x"]
    assert table["label_id"].tolist() == [0, 0, 0, 0, 1]
    assert table["split_1"].isna().all()


def test_unknown_layout_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        HumotionError, match="coco, folder, hmdb51, jhmdb, landmarks, mpii, penn_action, posetrack18, table"
    ):
        open_dataset("ucf101", tmp_path)


@pytest.mark.parametrize("layout", choices.names("datasets"))
def test_a_missing_root_says_what_belongs_there(layout: str, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match=r"nowhere.*Expected in it"):
        open_dataset(layout, tmp_path / "nowhere")


@pytest.mark.parametrize("layout", choices.names("datasets"))
def test_an_empty_root_is_an_error(layout: str, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="No videos of this dataset"):
        open_dataset(layout, tmp_path).list_videos()


def test_three_files_of_nearly_one_name_have_three_ids(tmp_path: Path) -> None:
    for name in ("a/v.mp4", "a/v.avi", "a/v.mp4.mkv", "a/w.mp4", "b/v.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    table = Folder(tmp_path).list_videos().set_index("path")
    assert table["video_id"].is_unique
    assert table["video_id"].to_dict() == {
        **{"a/v.mp4": "a/v.mp4", "a/v.avi": "a/v.avi", "a/v.mp4.mkv": "a/v.mp4.mkv"},
        **{"a/w.mp4": "a/w", "b/v.mp4": "b/v"},
    }


def test_a_name_that_is_not_utf8_is_a_row_that_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "walk").mkdir()
    for name in (b"caf\xe9.mp4", b"caf\\xe9.mp4", b"plain.mp4"):  # the second is spelled as the first is shown
        (tmp_path / "walk" / os.fsdecode(name)).touch()
    (tmp_path / os.fsdecode(b"d\xe9j\xe0")).mkdir()
    (tmp_path / os.fsdecode(b"d\xe9j\xe0") / "vu.mp4").touch()
    layout = Folder(tmp_path)
    table = layout.list_videos()
    table.to_parquet(tmp_path / "out.parquet")
    assert sorted(table["video_id"]) == ["d\\xe9j\\xe0/vu", "walk/caf\\xe9", "walk/caf\\xe9 (2)", "walk/plain"]
    bad = table[table["status"] == "corrupt"]
    assert len(bad) == 2
    assert bad["error"].str.contains("not UTF-8.*convmv").all()
    assert json.dumps(find_omissions(layout.tree, table["path"], layout.used).as_json()).count("num_files") == 1

from __future__ import annotations

from pathlib import Path

import pytest

from humotion import choices
from humotion.datasets.folder import Folder
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
    with pytest.raises(HumotionError, match="folder, hmdb51, jhmdb, penn_action, table"):
        open_dataset("ucf101", tmp_path)


@pytest.mark.parametrize("layout", choices.names("datasets"))
def test_a_missing_root_says_what_belongs_there(layout: str, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match=r"nowhere.*Expected in it"):
        open_dataset(layout, tmp_path / "nowhere")


@pytest.mark.parametrize("layout", choices.names("datasets"))
def test_an_empty_root_is_an_error(layout: str, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="No videos of this dataset"):
        open_dataset(layout, tmp_path).list_videos()

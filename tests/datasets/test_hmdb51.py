from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from humotion.clips.splits import partition
from humotion.datasets.hmdb51 import HMDB51
from humotion.datasets.shared.clip_names import ClipName, facts_of, parse_name
from humotion.errors import HumotionError
from tests.support.trees import hmdb51_tree


def test_parse_name_reads_from_the_right() -> None:
    name = "Brushing_Her_Hair__[_NEW_AUDIO_]_UPDATED!!!!_brush_hair_h_cm_np1_fr_goo_12.avi"
    assert parse_name(name, "brush_hair") == ClipName(
        source="Brushing_Her_Hair__[_NEW_AUDIO_]_UPDATED!!!!",
        label="brush_hair",
        visible="h",
        camera="cm",
        people=1,
        view="fr",
        quality="goo",
        index=12,
    )


def test_parse_name_keeps_a_class_name_inside_the_source() -> None:
    parsed = parse_name("how_to_walk_like_a_cat_walk_f_nm_np3_le_bad_0.avi", "walk")
    assert parsed is not None
    assert parsed.source == "how_to_walk_like_a_cat"
    assert parsed.people == 3


@pytest.mark.parametrize("name", ["clip.avi", "x_run_f_nm_np1_le_bad_0.avi", "x_walk_f_nm_np1_le_bad.avi"])
def test_a_name_off_the_scheme_is_its_own_group(name: str) -> None:
    assert parse_name(name, "walk") is None
    assert facts_of(name, "walk") == {"group": name.removesuffix(".avi")}


def test_list_videos(tmp_path: Path) -> None:
    table = HMDB51(hmdb51_tree(tmp_path)).list_videos().set_index("video_id")
    assert list(table.index) == sorted(table.index)
    assert len(table) == 6
    bracket = table.loc["walk/(Rad)_x_[_NEW_]!!!_walk_u_nm_np2_ba_goo_0"]
    assert (bracket.label, bracket.label_id, bracket.group, bracket.status) == ("walk", 1, "(Rad)_x_[_NEW_]!!!", "ok")
    assert (bracket.split_1, bracket.split_3) == ("test", "train")
    assert table["split_2"].isna()["walk/(Rad)_x_[_NEW_]!!!_walk_u_nm_np2_ba_goo_0"]
    assert (tmp_path / bracket.path).exists()
    assert table.loc["brush_hair/Gone_brush_hair_u_nm_np1_ba_goo_0", "status"] == "missing"
    extra = table.loc["walk/Extra_walk_f_cm_np1_fr_med_0"]
    assert extra[["split_1", "split_2", "split_3"]].isna().all()


def test_a_bad_split_line_becomes_a_status_that_names_the_line(tmp_path: Path) -> None:
    root = hmdb51_tree(tmp_path)
    path = root / "testTrainMulti_7030_splits" / "walk_test_split2.txt"
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace(".avi 1", ".avi")
    path.write_text("\n".join(lines))
    row = HMDB51(root).list_videos().set_index("video_id").loc["walk/Some_Film_walk_f_cm_np1_fr_med_1"]
    assert row.status == "corrupt"
    assert "walk_test_split2.txt, line 2" in row.error


def test_folders_alone_are_classes_when_there_are_no_split_files(tmp_path: Path) -> None:
    (tmp_path / "jump").mkdir()
    (tmp_path / "jump" / "A_jump_f_nm_np1_le_bad_0.avi").touch()
    (tmp_path / "jump" / "._A_jump_f_nm_np1_le_bad_0.avi").touch()
    table = HMDB51(tmp_path).list_videos()
    assert table["label"].tolist() == ["jump"]
    assert "split_1" not in table, "a split that was not found must not be taken for one that is to be made"


def test_an_empty_root_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="testTrainMulti_7030_splits"):
        HMDB51(tmp_path).list_videos()


def test_a_file_suffix_in_the_source_is_dropped() -> None:
    scene = "Die_Another_Day_-_Fencing_Scene_Part_1_[HD]"
    for source in (scene, f"{scene}_avi"):
        assert facts_of(f"{source}_fencing_u_cm_np2_ba_goo_1.avi", "fencing")["group"] == scene
    assert facts_of("The_Matrix_3_run_f_cm_np1_le_med_0.avi", "run")["group"] == "The_Matrix_3"


@pytest.fixture(scope="module")
def official(real_data: Path) -> pd.DataFrame:
    return HMDB51(real_data / "hmdb51").list_videos()


def test_all_official_split_files(official: pd.DataFrame) -> None:
    assert len(official) == 6766
    assert official["label"].nunique() == 51
    assert (official["status"] == "missing").all()
    for split in ("split_1", "split_2", "split_3"):
        counts = official[split].fillna("unused").value_counts().to_dict()
        assert counts == {"train": 3570, "test": 1530, "unused": 1666}
        by_class = pd.crosstab(official["label"], official[split])
        assert (by_class["train"] == 70).all()
        assert (by_class["test"] == 30).all()
    assert official["label"].value_counts()["walk"] == 548
    names = official["path"].str.split("/").str[-1]
    assert all(parse_name(name, label) for name, label in zip(names, official["label"], strict=True))
    assert official["group"].nunique() == 1406
    assert len(official[["label", "group"]].drop_duplicates()) == 2290


def test_every_line_of_every_split_file(official: pd.DataFrame, real_data: Path) -> None:
    """Read once more by a pattern over whole lines: 153 files, and each says of each clip what the table says."""
    roles = {"0": None, "1": "train", "2": "test"}
    rows = official.set_index("path")
    paths = sorted((real_data / "hmdb51" / "testTrainMulti_7030_splits").iterdir())
    assert len(paths) == 153
    num_lines = 0
    for path in paths:
        label, number = path.name.removesuffix(".txt").split("_test_split")
        for name, code in re.findall(r"^(.+\.avi) ([012]) *\r?$", path.read_text(), flags=re.MULTILINE):
            role = rows.at[f"{label}/{name}", f"split_{number}"]
            assert roles[code] == (None if pd.isna(role) else role), (path.name, name)
            num_lines += 1
    assert num_lines == 3 * 6766


def test_names_that_shells_and_globs_take_for_patterns(official: pd.DataFrame) -> None:
    names = official["path"].str.split("/").str[-1]
    pairs = official[names.str.contains("[", regex=False)]  # 16 names that an untold loader cannot open
    assert pairs["label"].value_counts().to_dict() == {"fencing": 8, "brush_hair": 4, "situp": 3, "flic_flac": 1}
    assert names.str.contains(r"[\[\]()]").sum() == 259
    assert official["video_id"].is_unique


def test_official_splits_share_one_film_within_a_class(official: pd.DataFrame) -> None:
    """One scene is in the dataset under two names; split 1 trains on clips of the one and tests the other."""
    film = official["label"] + "/" + official["group"]
    shared = {}
    for split in ("split_1", "split_2", "split_3"):
        both = set(film[official[split] == "train"]) & set(film[official[split] == "test"])
        shared[split] = {name: int((official[split][film == name] == "test").sum()) for name in both}
    twice = "fencing/Die_Another_Day_-_Fencing_Scene_Part_1_[HD]"
    assert shared == {"split_1": {twice: 4}, "split_2": {}, "split_3": {}}


def test_the_grouped_protocol_on_all_clips(official: pd.DataFrame) -> None:
    result = partition(official, "grouped", folds=5, fold=0)
    parts = result.videos
    assert sum(map(len, parts.values())) == 6766
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not set(parts[one]["group"]) & set(parts[other]["group"])
    for part in parts.values():
        assert part["label"].nunique() == 51
    assert len(parts["test"]) / 6766 == pytest.approx(0.2, abs=0.02)
    assert result.facts["source"].startswith("made")
    walk = sum((part["label"] == "walk").sum() for part in parts.values())
    assert walk == 548  # 4.7 times the median class: here balancing has something to do


def test_names_outside_the_scheme_are_told(tmp_path: Path) -> None:
    root = hmdb51_tree(tmp_path)
    for name in ("walk/my clip.avi", "walk/b.avi"):
        (root / name).touch()
    layout = HMDB51(root)
    table = layout.list_videos().set_index("video_id")
    assert table.loc["walk/b", "group"] == "b" and pd.isna(table.loc["walk/b", "field_view"])
    (note,) = [note for note in layout.notes if "outside the scheme" in note]
    assert note.startswith("2 clips have names outside the scheme, so each is a group of its own")
    assert note.endswith("walk/b.avi, walk/my clip.avi")

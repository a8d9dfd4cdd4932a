from __future__ import annotations

from pathlib import Path

import pytest

from humotion.datasets.hmdb51 import HMDB51, ClipName, parse_name, source_of
from humotion.errors import HumotionError
from tests.datasets.trees import hmdb51_tree


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
    assert source_of(name, "walk") == name.removesuffix(".avi")


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
    assert table["split_1"].isna().all()


def test_an_empty_root_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="testTrainMulti_7030_splits"):
        HMDB51(tmp_path).list_videos()


def test_all_official_split_files(real_data: Path) -> None:
    table = HMDB51(real_data / "hmdb51").list_videos()
    assert len(table) == 6766
    assert table["label"].nunique() == 51
    assert (table["status"] == "missing").all()
    for split in ("split_1", "split_2", "split_3"):
        assert table[split].fillna("unused").value_counts().to_dict() == {
            "train": 3570,
            "test": 1530,
            "unused": 1666,
        }
    assert table["label"].value_counts()["walk"] == 548
    names = table["path"].str.split("/").str[-1]
    assert all(parse_name(name, label) for name, label in zip(names, table["label"], strict=True))
    assert len(table[["label", "group"]].drop_duplicates()) == 2291


def test_official_splits_share_no_film_within_a_class(real_data: Path) -> None:
    table = HMDB51(real_data / "hmdb51").list_videos()
    table["film"] = table["label"] + "/" + table["group"]
    films = {role: set(rows["film"]) for role, rows in table.groupby("split_1")}
    assert not films["train"] & films["test"]

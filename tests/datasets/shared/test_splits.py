"""Official splits are read however they were saved, or refused in a sentence; never read in part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from humotion.clips.splits import partition
from humotion.datasets.hmdb51 import HMDB51, SPLITS_FOLDER
from humotion.datasets.jhmdb import JHMDB
from humotion.errors import HumotionError
from tests.support.trees import HMDB51_CLIPS, hmdb51_tree, jhmdb_tree

SPLITS = ["split_1", "split_2", "split_3"]


def rewrite(change: Callable[[str], bytes]) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        for path in (root / SPLITS_FOLDER).iterdir():
            path.write_bytes(change(path.read_text()))

    return apply


def move(target: str) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        (root / SPLITS_FOLDER).rename(root / target)

    return apply


def upper(root: Path) -> None:
    for path in list((root / SPLITS_FOLDER).iterdir()):
        path.rename(path.with_suffix(".TXT"))


AS_OFFICIAL = {
    "BOM": rewrite(lambda text: b"\xef\xbb\xbf" + text.encode()),
    "UTF-16": rewrite(lambda text: text.encode("utf-16")),
    "UTF-16 without BOM": rewrite(lambda text: text.encode("utf-16-be")),
    "tabs": rewrite(lambda text: text.replace(".avi ", ".avi\t").encode()),
    "CRLF": rewrite(lambda text: text.replace("\n", "\r\n").encode()),
    "CR": rewrite(lambda text: text.replace("\n", "\r").encode()),
    "no ending": rewrite(lambda text: text.replace(".avi", "").encode()),
    "with the folder": rewrite(lambda text: "".join(f"walk\\{line}\n" for line in text.splitlines()).encode()),
    "blank lines": rewrite(lambda text: ("\n\n" + text.replace("\n", "\n \n")).encode()),
    "TXT": upper,
    "splits/": move("splits"),
    "nested": move("test_train_splits/testTrainMulti_7030_splits"),
}


@pytest.mark.parametrize("change", AS_OFFICIAL.values(), ids=AS_OFFICIAL)
def test_split_files_as_people_save_them(change: Callable[[Path], None], tmp_path: Path) -> None:
    root = hmdb51_tree(tmp_path)
    before = HMDB51(root).list_videos()
    assert before[SPLITS].notna().sum().tolist() == [5, 4, 4]
    change(root)
    pd.testing.assert_frame_equal(HMDB51(root).list_videos(), before)


def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    for number, (text, told) in enumerate([("", "no line like"), ("?" * 30, "no line like"), (None, "is incomplete")]):
        root = hmdb51_tree(tmp_path / str(number))
        path = root / SPLITS_FOLDER / "walk_test_split2.txt"
        path.unlink() if text is None else path.write_text(text)
        with pytest.raises(HumotionError, match=f"{told}|walk_test_split2.*{told}") as error:
            HMDB51(root).list_videos()
        assert "walk_test_split2.txt" in str(error.value)


def test_two_versions_of_one_split_are_refused(tmp_path: Path) -> None:
    root = hmdb51_tree(tmp_path)
    (root / "old").mkdir()
    copy = root / "old" / "walk_test_split1.txt"
    copy.write_text((root / SPLITS_FOLDER / "walk_test_split1.txt").read_text())
    assert len(HMDB51(root).list_videos()) == 6
    copy.write_text(copy.read_text().replace(" 1", " 2"))
    with pytest.raises(HumotionError, match=r"old/walk_test_split1\.txt and .* say different things"):
        HMDB51(root).list_videos()


def test_a_name_that_is_not_utf8_and_a_second_code_are_rows(tmp_path: Path) -> None:
    root = hmdb51_tree(tmp_path)
    path = root / SPLITS_FOLDER / "walk_test_split1.txt"
    first = path.read_text().splitlines()[0].replace(" 1", " 2")
    path.write_bytes(path.read_bytes() + f"{first}\n".encode() + b"Caf\xe9_walk_f_nm_np1_fr_med_0.avi 1\n")
    rows = HMDB51(root).list_videos().set_index("video_id")
    bad = rows.loc["walk/Caf\\xe9_walk_f_nm_np1_fr_med_0"]
    assert bad.status == "corrupt"
    assert "another code" in rows.loc["walk/Some_Film_walk_f_cm_np1_fr_med_0", "error"]


def test_a_split_that_was_not_found_is_not_replaced_by_a_made_one(tmp_path: Path) -> None:
    root = hmdb51_tree(tmp_path)
    (root / SPLITS_FOLDER).rename(tmp_path.parent / "away")
    (root / "readme.txt").touch()
    layout = HMDB51(root)
    videos = layout.list_videos()
    assert any("looked for <class>_test_split<k>.txt" in note and "readme.txt" in note for note in layout.notes)
    with pytest.raises(HumotionError, match=r"clips.split is 'split_1', but .*looked for"):
        partition(videos, "split_1", folds=2, fold=0)


def test_clips_elsewhere_or_encoded_again_are_found_and_told(tmp_path: Path) -> None:
    root = hmdb51_tree(tmp_path)
    (root / "walk" / "walk").mkdir()
    for number, path in enumerate(sorted((root / "walk").glob("*.avi"))):
        path.rename(
            [root / "walk" / "walk" / path.name, path.with_suffix(".mp4"), path.with_suffix(".AVI"), path][number]
        )
    layout = HMDB51(root)
    rows = layout.list_videos()
    assert len(rows) == 6
    assert (rows["status"] == "missing").sum() == 1
    assert rows["split_1"].notna().sum() == 5
    assert [note for note in layout.notes if "are .mp4, but the official clips are .avi" in note]


def test_two_files_for_one_clip_are_a_row(tmp_path: Path) -> None:
    root = hmdb51_tree(tmp_path)
    name = next(iter(HMDB51_CLIPS["walk"]))
    for copy in (f"a/walk/{name}.avi", f"b/walk/{name}.avi"):
        (root / copy).parent.mkdir(parents=True)
        (root / copy).write_bytes((root / "walk" / f"{name}.avi").read_bytes())
    assert HMDB51(root).list_videos()["status"].value_counts().to_dict() == {
        "ok": 5,
        "missing": 1,
    }  # the official place
    (root / "walk" / f"{name}.avi").unlink()
    row = HMDB51(root).list_videos().set_index("label").loc["walk"].set_index("status").loc["corrupt"]
    assert "several files may be this clip" in row.error


def test_jhmdb_too(tmp_path: Path) -> None:
    root = jhmdb_tree(tmp_path)
    before = JHMDB(root).list_videos()
    (root / "lists").mkdir()
    for name in ("splits", "sub_splits"):
        (root / name).rename(root / "lists" / name)
    for path in (root / "ReCompress_Videos" / "walk").iterdir():
        path.rename(path.with_suffix(".AVI"))
    after = JHMDB(root).list_videos()
    pd.testing.assert_frame_equal(after.drop(columns="path"), before.drop(columns="path"))
    assert before["sub_split_1"].notna().sum() == 1

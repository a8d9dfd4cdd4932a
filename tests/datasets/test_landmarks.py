"""Text files of landmarks: what is in them, and a clear answer for each way in which they can be bad."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from humotion.datasets.landmarks import (
    BLAZEPOSE,
    HEIGHT,
    WIDTH,
    Landmarks,
    drawing,
)
from humotion.datasets.shared.base import LabelError
from humotion.datasets.shared.landmark_table import read_recording
from humotion.datasets.shared.omissions import find_omissions
from humotion.errors import HumotionError


def table(num_rows: int = 6, seed: int = 0) -> pd.DataFrame:
    """As the tutorial's recorder has it: 132 columns, x, y, z, visibility of each landmark."""
    return pd.DataFrame(np.random.default_rng(seed).uniform(0.1, 0.9, (num_rows, 132)))


def written(folder: Path, content: pd.DataFrame | str, name: str = "SWING.txt") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content)
    else:
        content.to_csv(path)
    return path


def complaint(folder: Path, content: pd.DataFrame | str) -> str:
    path = written(folder, content)
    with pytest.raises(LabelError) as error:
        read_recording(path)
    layout = Landmarks(folder)
    assert layout.own_probe(path).status == "corrupt"
    assert layout.own_probe(path).error == str(error.value)
    drawn = layout.own_frames(path)
    assert (list(drawn), drawn.status, drawn.error) == ([], "corrupt", str(error.value))
    return str(error.value)


def test_values_are_those_of_the_table(tmp_path: Path) -> None:
    content = table()
    recording = read_recording(written(tmp_path, content))
    expected = content.to_numpy(np.float32).reshape(6, 33, 4)
    np.testing.assert_array_equal(recording.landmarks, expected[..., :3])
    np.testing.assert_array_equal(recording.visibility, expected[..., 3])
    assert recording.found.all()
    assert recording.cut_off is None
    arrays = Landmarks(tmp_path).own_arrays(tmp_path / "SWING.txt")
    assert {name: array.shape for name, array in arrays.items()} == {
        "landmarks": (1, 6, 33, 3),
        "visibility": (1, 6, 33),
        "found": (1, 6),
    }


def test_classes_are_files_or_folders_of_recordings(tmp_path: Path) -> None:
    for name in ("SWING.txt", "WAVE/monday.txt", "WAVE/friday.TXT"):
        written(tmp_path, table(), name)
    written(tmp_path, "These recordings were made with a webcam, at home.\n", "README.txt")
    written(tmp_path, "", "EMPTY.txt")
    layout = Landmarks(tmp_path)
    videos = layout.list_videos().set_index("video_id")
    assert videos["label"].to_dict() == {
        "EMPTY": "EMPTY",
        "SWING": "SWING",
        "WAVE/friday": "WAVE",
        "WAVE/monday": "WAVE",
    }
    assert videos.loc["WAVE/friday", "group"] == "WAVE/friday"
    assert videos["split_1"].isna().all()
    assert list(find_omissions(layout.tree, videos["path"], layout.used).entries) == ["README.txt"]
    assert layout.own_probe(tmp_path / "EMPTY.txt").status == "empty"
    assert (layout.own_probe(tmp_path / "SWING.txt").status, layout.own_probe(tmp_path / "SWING.txt").num_frames) == (
        "ok",
        6,
    )


def test_a_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    written(tmp_path, "notes\n", "README.txt")
    with pytest.raises(HumotionError, match=r"No videos .*README\.txt.*one file <class>\.txt per class"):
        Landmarks(tmp_path).list_videos()


def test_rows_without_values_and_numbers_that_are_left_out_are_frames_with_nobody(tmp_path: Path) -> None:
    content = table(4).set_axis([3, 4, 7, 8])
    content.iloc[1] = np.nan
    content.iloc[3, 8] = np.nan  # x of landmark 2
    recording = read_recording(written(tmp_path, content))
    assert recording.found.tolist() == [True, False, False, False, True, True]
    assert np.isnan(recording.landmarks[1:4]).all()
    assert np.isnan(recording.landmarks[5, 2]).all()
    assert np.isnan(recording.visibility[5, 2])
    np.testing.assert_array_equal(recording.landmarks[4], content.to_numpy(np.float32)[2].reshape(33, 4)[:, :3])


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    assert "column 57 is missing. The first line must be" in complaint(tmp_path, table().drop(columns=57))
    assert "columns 99, 100, 101, 102, 103 and 28 more are missing" in complaint(tmp_path, table().iloc[:, :99])
    assert "column 131 is missing" in complaint(tmp_path, table().set_axis([*range(131), "x"], axis=1))


def test_a_header_that_is_another_one_is_explained(tmp_path: Path) -> None:
    assert "column label is not part of such a table" in complaint(tmp_path, table().assign(label="swing"))
    holistic = pd.DataFrame(np.zeros((3, 1662)))
    assert "columns 132, 133, 134, 135, 136 and 1525 more are not part" in complaint(tmp_path, holistic)
    swapped = table().rename(columns={3: 4, 4: 3})
    assert "not in this order" in complaint(tmp_path, swapped)
    assert "the first column, with the number of the frame, is missing" in complaint(
        tmp_path, table().to_csv(index=False)
    )
    for with_index in (True, False):
        said = complaint(tmp_path, table().to_csv(header=False, index=with_index))
        assert "there is no header, its first line has values" in said
    assert "its first line is '# of Monday'" in complaint(tmp_path, "# of Monday\n" + table().to_csv())
    for separator, called in ((";", "semicolons"), ("\t", "tabs"), (" ", "spaces")):
        said = complaint(tmp_path, table().to_csv(sep=separator, decimal="," if separator == ";" else "."))
        assert f"separated by {called} (decimal commas must become points, too)" in said
        assert "with commas: a column for" in said


def test_any_name_of_the_first_column_and_any_encoding_and_line_ends_are_read(tmp_path: Path) -> None:
    content = table()
    expected = content.to_numpy(np.float32).reshape(6, 33, 4)
    path = tmp_path / "SWING.txt"
    plain = content.to_csv()
    for data in (
        *(plain.encode(name) for name in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32")),
        *(content.to_csv(lineterminator=end).encode() for end in ("\r\n", "\r")),
        plain.replace(",", ", ").encode(),
        content.to_csv(index_label="frame").encode(),
        content.set_axis(np.arange(6.0)).to_csv().encode(),
        content.set_axis(range(1, 7)).to_csv().encode(),
        (plain + "\n  \n").encode(),
    ):
        path.write_bytes(data)
        assert Landmarks(tmp_path).list_videos()["video_id"].tolist() == ["SWING"]
        recording = read_recording(path)
        np.testing.assert_array_equal(recording.landmarks, expected[..., :3])
        assert recording.cut_off is None


def test_zero_bytes_are_no_text(tmp_path: Path) -> None:
    assert "is no text: it has zero bytes" in complaint(tmp_path, "\0" * 5000)
    assert "is no text: it has zero bytes" in complaint(tmp_path, table().to_csv() + "\0" * 300)


def test_a_cell_with_text_is_named(tmp_path: Path) -> None:
    content = table().astype(object)
    content.iloc[2, 17] = "swing"
    assert (
        complaint(tmp_path, content)
        == "SWING.txt, row 3, column 17: 'swing' is no number. Leave a cell empty where nothing is known"
    )
    content.iloc[2, 17] = "0,25"
    assert "row 3, column 17: '0,25' is no number. Write numbers with a point" in complaint(tmp_path, content)


def test_rows_of_other_lengths(tmp_path: Path) -> None:
    lines = table().to_csv().splitlines(keepends=True)
    short = "".join([*lines[:3], lines[3].rpartition(",")[0] + "\n", *lines[4:]])
    assert "row 3: 132 cells, but the header has 133" in complaint(tmp_path, short)
    long = "".join([*lines[:3], lines[3].strip() + ",1\n", *lines[4:]])
    assert "row 3: 134 cells" in complaint(tmp_path, long)


def test_half_a_last_row_is_left_out_and_told(tmp_path: Path) -> None:
    text = table().to_csv()
    path = written(tmp_path, text[: text.rindex(",") - 200])
    recording = read_recording(path)
    assert len(recording.found) == 5
    assert recording.cut_off.startswith("row 6, the last one, has ")
    layout = Landmarks(tmp_path)
    assert layout.own_probe(path).status == "truncated"
    drawn = layout.own_frames(path)
    assert len(list(drawn)) == 5
    assert (drawn.status, drawn.error) == ("truncated", recording.cut_off)


def test_numbers_of_frames_must_count_up(tmp_path: Path) -> None:
    said = complaint(tmp_path, pd.concat([table(3), table(2)]))
    assert "row 4: the number of its frame is 0, after 2" in said
    assert "two recordings" in said
    assert "row 2, its first cell: 1.5 is no number of a frame" in complaint(tmp_path, table(2).set_axis([0, 1.5]))
    for times in (np.arange(4) * 33, 1_700_000_000_000 + np.arange(4) * 33):
        said = complaint(tmp_path, table(4).set_axis(times))
        assert "rise by 33 or more from row to row" in said and "perhaps milliseconds" in said
    assert "3 rows are numbered up to 1e+06" in complaint(tmp_path, table(3).set_axis([0, 1, 10**6]))
    assert "row 4 is the header again. If these are two" in complaint(tmp_path, table(3).to_csv() + table(3).to_csv())
    assert "row 1, its first cell: 'a' is no number" in complaint(tmp_path, table(2).set_axis(["a", "b"]))


def test_values_that_cannot_be_landmarks(tmp_path: Path) -> None:
    content = table()
    content.iloc[1, 7] = 3.2
    said = complaint(tmp_path, content)
    assert "row 2, column 7: 3.2 is no visibility" in said
    assert "x, y, z, visibility, in this order" in said
    content.iloc[1, 7] = np.inf
    assert "row 2, column 7: the value is infinite" in complaint(tmp_path, content)
    pixels = table()
    pixels.loc[:, [column for column in pixels if column % 4 < 2]] *= 400
    assert "which may be pixels. They must be relative to width and height" in complaint(tmp_path, pixels)


def test_a_table_without_rows_is_empty(tmp_path: Path) -> None:
    path = written(tmp_path, table(0))
    assert Landmarks(tmp_path).own_probe(path).status == "empty"
    drawn = Landmarks(tmp_path).own_frames(path)
    assert (list(drawn), drawn.status) == ([], "empty")


def test_a_recording_of_nobody_is_empty(tmp_path: Path) -> None:
    path = written(tmp_path, table(7) * np.nan)
    probe = Landmarks(tmp_path).own_probe(path)
    assert (probe.status, probe.error) == ("empty", "nobody is found in any of its 7 frames")
    drawn = Landmarks(tmp_path).own_frames(path)
    assert (list(drawn), drawn.status, drawn.error) == ([], "empty", probe.error)
    half = table(1).to_csv()
    assert (
        Landmarks(tmp_path).own_probe(written(tmp_path, half[: half.rindex(",")])).error.startswith("row 1, the last")
    )


def test_what_is_no_recording_is_told(tmp_path: Path) -> None:
    for name in ("WAVE.txt", "SWING.csv", "monday/deep/SWING.txt"):
        written(tmp_path, table(), name)
    written(tmp_path, "name,age\nAnna,30\n", "people.csv")
    written(tmp_path, "1. Start the camera.\n2. Wave, clap, jump, run, and so on.\n", "HOWTO.txt")
    layout = Landmarks(tmp_path)
    assert layout.list_videos()["label"].tolist() == ["WAVE"]
    assert layout.notes[1:] == [
        "2 tables are not used: SWING.csv, monday/deep/SWING.txt. Expected is one file <class>.txt per class, or a "
        "folder <class> with a .txt file per recording"
    ]


def test_classes_that_may_be_recordings_of_one_class_are_told(tmp_path: Path) -> None:
    for name in ("wave_1", "wave_2", "take 3", "swing(1)", "swing(2)", "WAVE/1", "WAVE/2", "2", "3"):
        written(tmp_path, table(), f"{name}.txt")
    layout = Landmarks(tmp_path)
    assert sorted(set(layout.list_videos()["label"])) == [
        *("2", "3", "WAVE", "swing(1)", "swing(2)", "take 3", "wave_1", "wave_2")
    ]
    tail = "count as 2 classes. If they are recordings of one class, move them into a folder:"
    assert layout.notes[1:] == [f"swing(1), swing(2) {tail} swing/", f"wave_1, wave_2 {tail} wave/"]


def test_drawings_show_the_landmarks(tmp_path: Path) -> None:
    points = np.full((33, 3), np.nan)
    empty = drawing(points)
    assert empty.shape == (HEIGHT, WIDTH, 3)
    assert len(np.unique(empty)) == 1
    points[11], points[12] = (0.25, 0.5, 0), (0.75, 0.5, 0)
    picture = drawing(points)
    rows, columns = np.nonzero((picture != empty).any(-1))
    assert abs(rows.mean() - HEIGHT / 2) < 2
    assert (columns.min(), columns.max()) == pytest.approx((WIDTH / 4, 3 * WIDTH / 4), abs=4)
    points[0] = (1e9, -1e9, 0)
    assert drawing(points).shape == picture.shape


def test_the_joint_set_is_that_of_mediapipe() -> None:
    assert len(BLAZEPOSE.joints) == 33
    assert len(BLAZEPOSE.edges) == 35
    for index, name in (
        (0, "nose"),
        (2, "l_eye"),
        (8, "r_ear"),
        (11, "l_shoulder"),
        (16, "r_wrist"),
        (32, "r_foot_index"),
    ):
        assert BLAZEPOSE.joints[index] == name
    pairs = {(1, 4), (2, 5), (3, 6), (7, 8), (9, 10), *((left, left + 1) for left in range(11, 33, 2))}
    assert {tuple(sorted(pair)) for pair in enumerate(BLAZEPOSE.flip) if pair[0] != pair[1]} == pairs
    assert BLAZEPOSE.dimensions == 3


def test_the_tutorials_recordings(real_data: Path) -> None:
    layout = Landmarks(real_data / "landmarks")
    videos = layout.list_videos()
    lengths = {
        name: len(read_recording(layout.root / path).found)
        for name, path in zip(videos["video_id"], videos["path"], strict=True)
    }
    assert lengths == {"BODYSWING": 58, "HANDSWING": 601, "SWING": 601}

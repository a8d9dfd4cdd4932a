from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from humotion.datasets.table import Table
from humotion.errors import HumotionError
from humotion.params.document import Params
from humotion.stages import extract, index
from humotion.store.frames import FrameStore
from tests.support.trees import write_jpegs, write_video


def write_csv(root: Path, text: str) -> Table:
    root.mkdir(parents=True, exist_ok=True)
    (root / "videos.csv").write_text(text, encoding="utf-8")
    return Table(root)


def test_all_columns(tmp_path: Path) -> None:
    for name in ("day 1/a.mp4", "day 1/b.mp4", "c.avi"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    table = write_csv(
        tmp_path,
        "path,label,group,split_1,split_2\n"
        "day 1/a.mp4,walk,monday,train,\n"
        '"day 1/b.mp4","turn, then jump",monday,test,train\n'
        "./c.avi,walk,,,test\n"
        "gone.avi,walk,,train,test\n",
    ).list_videos()
    assert table["video_id"].tolist() == ["c", "day 1/a", "day 1/b", "gone"]
    assert table["path"].tolist() == ["c.avi", "day 1/a.mp4", "day 1/b.mp4", "gone.avi"]
    assert table["label"].tolist() == ["walk", "walk", "turn, then jump", "walk"]
    assert table["label_id"].tolist() == [1, 1, 0, 1]
    assert table["group"].tolist() == ["c", "monday", "monday", "gone"]
    assert table["split_1"].fillna("-").tolist() == ["-", "train", "test", "train"]
    assert table["split_2"].fillna("-").tolist() == ["test", "-", "train", "test"]
    assert table["status"].tolist() == ["ok", "ok", "ok", "missing"]
    assert "videos.csv" in table["error"][3]


def test_path_and_label_alone_make_an_unsplit_dataset(tmp_path: Path) -> None:
    table = write_csv(tmp_path, "label,path\n007,x.mp4\nNA,x.avi\n").list_videos()
    assert table["video_id"].tolist() == ["x.avi", "x.mp4"]  # the same name but for the extension
    assert table["label"].tolist() == ["NA", "007"]
    assert table["split_1"].isna().all()
    assert table["group"].tolist() == table["video_id"].tolist()


def test_parquet_and_a_csv_of_excel_say_the_same(tmp_path: Path) -> None:
    rows = {"path": ["a.mp4", "b.mp4"], "label": [3, 4], "split_1": ["train", None], "fps": [25.0, None]}
    (tmp_path / "p").mkdir()
    pd.DataFrame(rows).set_index("path").to_parquet(tmp_path / "p" / "videos.parquet")
    text = "\ufeffpath, label, split_1, fps\r\na.mp4, 3, train, 25\r\n\r\nb.mp4, 4,,\r\n"
    one, other = Table(tmp_path / "p"), write_csv(tmp_path / "c", text)
    pd.testing.assert_frame_equal(one.list_videos().drop(columns="error"), other.list_videos().drop(columns="error"))
    for layout in (one, other):
        assert (layout.fps("a"), layout.fps("b")) == (25.0, None)


def test_absolute_paths_below_the_root_are_fine(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "r", f"path,label\n{tmp_path}/r/sub/../a.mp4,walk\n").list_videos()
    assert table["path"].tolist() == ["a.mp4"]


@pytest.mark.parametrize("path", ["../a.mp4", "sub/../../a.mp4", "/etc/passwd", ".", "{root}/../other/a.mp4"])
def test_a_path_that_leaves_the_root_is_refused(path: str, tmp_path: Path) -> None:
    layout = write_csv(tmp_path / "r", f"path,label\nfine.mp4,walk\n{path.format(root=tmp_path / 'r')},walk\n")
    with pytest.raises(HumotionError, match=r"videos\.csv, row 2: .* is not below"):
        layout.list_videos()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,class\na.mp4,walk\n", "no column 'label'.*path, class"),
        ("path;label\na.mp4;walk\n", "no column 'path'.*separated by commas: path;label"),
        ("path,label\na.mp4,walk\nb.mp4,\n", "row 2: no label"),
        ("path,label\n ,walk\n", "row 1: no path"),
        ("path,label\na.mp4,walk\n./a.mp4,jump\n", "lists a.mp4 more than once"),
        ("path,label,split_1\na.mp4,walk,train\nb.mp4,walk,val\n", "row 2: split_1 is 'val'.*validation_folds"),
        ("path,label,path\na.mp4,walk,b.mp4\n", "twice"),
        ("path,label,split\na.mp4,walk,train\n", "split_1"),
        ("path,label,fps\na.mp4,walk,fast\n", "row 1: fps is 'fast'"),
        ("path,label,fps\na.mp4,walk,0\n", "row 1: fps is '0'"),
        ("path,label\na.mp4,walk\nb.mp4,walk,3\n", "row 2 has 3 cells, but there are 2 columns"),
        ('path,label\n"a.mp4,walk\n', "cannot be read"),
        ("", "no column 'path'"),
        ("path,label\n", "No videos of this dataset"),
    ],
)
def test_mistakes_are_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match=message):
        write_csv(tmp_path, text).list_videos()


@pytest.mark.parametrize("data", [b"", b"PAR1 no", b"\xff\xfe\x00"])
def test_damaged_tables(data: bytes, tmp_path: Path) -> None:
    for name in ("videos.csv", "videos.parquet"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(HumotionError, match=name):
            Table(tmp_path).list_videos()
        (tmp_path / name).unlink()


def test_two_tables_are_one_too_many(tmp_path: Path) -> None:
    pd.DataFrame({"path": ["a"], "label": ["b"]}).to_parquet(tmp_path / "videos.parquet")
    with pytest.raises(HumotionError, match="both"):
        write_csv(tmp_path, "path,label\na.mp4,walk\n").list_videos()


def test_unknown_columns_are_named(tmp_path: Path) -> None:
    layout = write_csv(tmp_path, "path,label,goup,split_1\na.mp4,walk,x,train\n")
    layout.list_videos()
    assert layout.notes == ["videos.csv: unknown columns are not used: goup"]


def test_from_table_to_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A video, a folder of images that has no frame rate of its own, and a link to a video elsewhere."""
    root = tmp_path / "root"
    write_video(root / "clips" / "a.mp4", num_frames=6)
    write_jpegs(root / "shots" / "b", num_frames=4)
    (root / "c.mp4").symlink_to(write_video(tmp_path / "elsewhere.mp4", num_frames=5))
    write_csv(root, "path,label,fps\nclips/a.mp4,walk,12\nshots/b,jump,12.5\nc.mp4,walk,\n")
    monkeypatch.chdir(tmp_path)
    datasets = {"mine": {"layout": "table", "root": str(root), "frames": {"shards": 2}}}
    params = Params.model_validate({"datasets": datasets, "experiments": {}, "machine": {"workers": 2}})
    index.run("mine", params)
    extract.run("mine", params)
    videos = pd.read_parquet("prepared/mine/videos.parquet").set_index("video_id")
    assert videos["status"].tolist() == ["ok"] * 3
    assert videos["fps"].to_dict() == {"c": 30, "clips/a": 30, "shots/b": 12.5}
    store = FrameStore(Path("prepared/mine/frames"), Path("prepared/mine/frames.parquet"))
    assert {video_id: store[video_id].num_frames for video_id in store} == {"c": 5, "clips/a": 6, "shots/b": 4}
    assert store["shots/b"].fps == 12.5


@pytest.mark.parametrize(
    "path",
    [
        *("walk\\Caf\u00e9 1.mp4", "C:\\walk\\Caf\u00e9 1.mp4", "Walk/caf\u00e9 1.MP4", "walk/Cafe\u0301 1.mp4"),
        *(
            "walk/Caf\u00e9 1",
            "walk/Caf\u00e9 1.avi",
            "Caf\u00e9 1.mp4",
            "videos/walk/Caf\u00e9 1.mp4",
            "walk/Caf\u00e9_1.mp4",
        ),
    ],
)
def test_a_path_that_is_nearly_right_gets_a_hint(path: str, tmp_path: Path) -> None:
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "Caf\u00e9 1.mp4").touch()
    (tmp_path / "walk" / "other.mp4").touch()
    table = write_csv(tmp_path, f"path,label\n{path},walk\nwalk/nothing like it.mp4,walk\n").list_videos()
    found = table.set_index("path")["error"]
    assert table["status"].tolist() == ["missing", "missing"]
    assert "did you mean" not in found.pop("walk/nothing like it.mp4")
    assert "did you mean walk/Caf\u00e9 1.mp4?" in found.iloc[0]


def test_a_path_that_is_too_long_is_a_row(tmp_path: Path) -> None:
    table = write_csv(tmp_path, f"path,label\nwalk/{'x' * 300}.mp4,walk\n{'d/' * 3000}a.mp4,walk\n").list_videos()
    assert table["status"].tolist() == ["missing", "missing"]


def test_absolute_paths_through_either_side_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.mp4").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for root, path in (("link", "real"), ("real", "link"), ("link", "link")):
        table = write_csv(tmp_path / root, f"path,label\n{tmp_path}/{path}/a.mp4,walk\n").list_videos()
        assert (table["path"][0], table["status"][0]) == ("a.mp4", "ok")


def test_a_table_in_utf16_and_one_in_latin1(tmp_path: Path) -> None:
    (tmp_path / "videos.csv").write_bytes("path,label\na.mp4,caf\u00e9\n".encode("utf-16"))
    assert Table(tmp_path).list_videos()["label"].tolist() == ["caf\u00e9"]
    (tmp_path / "videos.csv").write_bytes("path,label\na.mp4,walk\nb.mp4,caf\u00e9\n".encode("latin-1"))
    with pytest.raises(HumotionError, match=r"row 2 is not UTF-8.*iconv"):
        Table(tmp_path).list_videos()


def test_an_empty_split_is_told(tmp_path: Path) -> None:
    layout = write_csv(tmp_path, "path,label,split_1\na.mp4,walk,\n")
    layout.list_videos()
    assert layout.notes == ["videos.csv: split_1 is empty in all rows, so a split will be made"]

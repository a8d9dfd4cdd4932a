"""Every layout sees what DVC sees, at every level, and names what it leaves out."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import pytest
from dvc.fs import LocalFileSystem
from dvc.repo import Repo

from humotion.datasets.folder import Folder
from humotion.datasets.shared.omissions import find_omissions
from humotion.datasets.shared.open import layout_class, open_dataset
from humotion.datasets.shared.tree import read_tree
from humotion.errors import HumotionError
from humotion.inspection.sources import find_videos
from tests.support.permissions import as_nobody, open_folder
from tests.support.trees import hmdb51_tree, jhmdb_tree, penn_tree


def folder_tree(root: Path) -> Path:
    for name in ("walk/a.mp4", "walk/monday/b.mp4", "jump/c.mp4"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def table_tree(root: Path) -> Path:
    (folder_tree(root) / "videos.csv").write_text("path,label\nwalk/a.mp4,walk\nwalk/monday/b.mp4,walk\n")
    return root


MAKE = {
    "folder": folder_tree,
    "table": table_tree,
    "hmdb51": hmdb51_tree,
    "penn_action": penn_tree,
    "jhmdb": jhmdb_tree,
}
LINKS = [
    *(("folder", name) for name in ("walk", "walk/monday")),
    *(("table", name) for name in ("walk", "walk/monday", "jump")),
    *(("hmdb51", name) for name in ("walk", "testTrainMulti_7030_splits")),
    *(("penn_action", name) for name in ("frames", "labels", "frames/0002")),
    *(("jhmdb", name) for name in ("ReCompress_Videos", "joint_positions/walk", "splits", "ReCompress_Videos/walk")),
]


@pytest.mark.parametrize(("layout", "name"), LINKS)
def test_a_linked_folder_is_refused_everywhere_with_the_remedy(layout: str, name: str, tmp_path: Path) -> None:
    root = MAKE[layout](tmp_path / "root")
    shutil.move(root / name, tmp_path / "elsewhere")
    (root / name).symlink_to(tmp_path / "elsewhere")
    for attempt in (lambda: open_dataset(layout, root), lambda: layout_class(layout)(root).list_videos()):
        with pytest.raises(HumotionError, match=f"{name} is a link to the folder .*elsewhere.*cp -rs"):
            attempt()
    # The remedy that the message names: a folder of links to files, which DVC follows.
    (root / name).unlink()
    shutil.copytree(tmp_path / "elsewhere", root / name, copy_function=os.symlink)
    assert len(open_dataset(layout, root).list_videos()) >= 2


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    folder_tree(tmp_path / "real")
    (tmp_path / "root").symlink_to(tmp_path / "real")
    assert len(open_dataset("folder", tmp_path / "root").list_videos()) == 3


def test_a_table_may_not_lead_through_a_hidden_link(tmp_path: Path) -> None:
    root = folder_tree(tmp_path / "root")
    folder_tree(tmp_path / "elsewhere")
    (root / ".cache").symlink_to(tmp_path / "elsewhere")
    (root / "videos.csv").write_text("path,label\n.cache/walk/a.mp4,walk\n")
    with pytest.raises(HumotionError, match=r"\.cache is a link to the folder"):
        open_dataset("table", root).list_videos()


SYSTEM = [
    *(
        "._a.mp4",
        ".DS_Store",
        "@eaDir/a.mp4/SYNOVIDEO.jpg",
        ".trash/old.mp4",
        "Thumbs.db",
        "__MACOSX/a.mp4",
        "x/.b.mp4",
    ),
    *("#recycle/a.mp4", "$RECYCLE.BIN/a.mp4", "System Volume Information/a.mp4", "desktop.ini", "lost+found/a.mp4"),
]


@pytest.mark.parametrize("level", ["", "walk/", "walk/monday/"])
def test_what_systems_leave_behind_is_data_at_no_level(level: str, tmp_path: Path) -> None:
    root = folder_tree(tmp_path)
    for name in SYSTEM:
        (root / level / name).parent.mkdir(parents=True, exist_ok=True)
        (root / level / name).touch()
    table = Folder(root).list_videos()
    assert table["video_id"].tolist() == ["jump/c", "walk/a", "walk/monday/b"]
    assert sum(read_tree(root).system.values()) == len(SYSTEM)
    assert len(find_videos([root])) == 3


def test_a_folder_named_like_a_video_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "walk" / "session.mp4").mkdir(parents=True)
    (tmp_path / "walk" / "session.mp4" / "take.mp4").touch()
    assert Folder(tmp_path).list_videos()["path"].tolist() == ["walk/session.mp4/take.mp4"]


def test_more_containers_are_videos(tmp_path: Path) -> None:
    names = [
        f"a.{suffix}"
        for suffix in ["MTS", "m2ts", "vob", "OGV", "asf", "gif", "ts", "3gp", "mpg", "wmv", "flv", "mxf", "dv"]
    ]
    (tmp_path / "walk").mkdir()
    for number, name in enumerate(names):
        (tmp_path / "walk" / f"{number}{name}").touch()
    assert len(Folder(tmp_path).list_videos()) == len(names)


def test_what_is_left_out_is_counted_and_named(tmp_path: Path) -> None:
    root = folder_tree(tmp_path)
    for name in ("walk/notes.txt", "dance/clip/1.jpg", "dance/clip/2.jpg", "loose.mp4", "walk/c.mp4.part", "walk/.x"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    layout = Folder(root)
    table = layout.list_videos()
    found = find_omissions(layout.tree, table["path"], layout.used)
    assert found.entries == {"dance/": 2, "loose.mp4": 1, "walk/c.mp4.part": 1, "walk/notes.txt": 1}
    assert found.as_json()["num_files"] == 5
    assert found.as_json()["system_entries"] == {".x": 1}
    assert found.in_words() == [
        "5 files are left out: dance/ (2 files), loose.mp4, walk/c.mp4.part, walk/notes.txt (index.json names them)"
    ]
    assert any("dance holds no video" in note and "layout 'table'" in note for note in layout.notes)
    assert any("1 videos lie directly in the root" in note for note in layout.notes)


def test_folders_named_like_splits_are_told(tmp_path: Path) -> None:
    for name in ("train/walk/a.mp4", "test/walk/b.mp4"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    layout = Folder(tmp_path)
    assert set(layout.list_videos()["label"]) == {"train", "test"}
    assert any("names of splits" in note for note in layout.notes)


@pytest.mark.parametrize("layout", MAKE)
def test_whole_datasets_leave_nothing_out(layout: str, tmp_path: Path) -> None:
    dataset = open_dataset(layout, MAKE[layout](tmp_path))
    table = dataset.list_videos()
    found = find_omissions(dataset.tree, table["path"], dataset.used)
    assert found.entries == ({"jump/": 1} if layout == "table" else {})
    assert dataset.notes == (["1 clips are in no split file: walk/Extra_walk_f_cm_np1_fr_med_0"] * (layout == "hmdb51"))


def test_a_class_that_cannot_be_listed_is_a_row(tmp_path: Path) -> None:
    with open_folder() as folder:
        root = folder_tree(folder / "root")
        (root / "jump").chmod(0)
        (root / "walk" / "monday").chmod(0)
        with as_nobody():
            layout = Folder(root)
            table = layout.list_videos().set_index("video_id")
        for name in ("jump", "walk/monday"):
            (root / name).chmod(0o755)
    assert table["status"].to_dict() == {"jump": "corrupt", "walk/a": "ok", "walk/monday": "corrupt"}
    assert table["label"].to_dict() == {"jump": "jump", "walk/a": "walk", "walk/monday": "walk"}
    assert "Permission denied" in table.at["jump", "error"]


def test_workers_get_a_layout_without_its_listing(tmp_path: Path) -> None:
    layout = Folder(folder_tree(tmp_path))
    layout.list_videos()
    assert {"tree", "hints"}.isdisjoint(pickle.loads(pickle.dumps(layout)).__dict__)


def test_an_empty_root_may_be_a_disk_that_is_not_mounted(tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="is the disk mounted"):
        Folder(tmp_path).list_videos()
    (tmp_path / "Videos.CSV").touch()
    with pytest.raises(HumotionError, match=r"There are: Videos\.CSV\. Expected"):
        open_dataset("table", tmp_path).list_videos()


def hashed_by_dvc(repository: Path, root: Path) -> set[str]:
    """The videos below a root that the real DVC sees."""
    with Repo(str(repository)) as repo:
        found = {Path(path).relative_to(root).as_posix() for path in repo.dvcignore.find(LocalFileSystem(), str(root))}
    return {path for path in found if path.endswith(".mp4")}


@pytest.mark.parametrize(
    ("place", "rule", "hashed"),
    [
        ("data/.dvcignore", "*.mp4", set()),
        ("data/walk/.dvcignore", "# mine\n/monday", {"jump/c.mp4", "walk/a.mp4"}),
        (".dvcignore", "walk", {"jump/c.mp4"}),
        ("data/walk/.dvc/config", "", {"jump/c.mp4"}),
        (".dvcignore", "# mine\n\n__pycache__\n", None),
        ("data/.dvcignore", "", None),
    ],
)
def test_what_takes_files_out_of_the_hash_of_dvc_is_told(
    place: str, rule: str, hashed: set[str] | None, tmp_path: Path
) -> None:
    Repo.init(str(tmp_path), no_scm=True)
    root = folder_tree(tmp_path / "data")
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text(rule)
    layout = Folder(root)
    assert len(layout.list_videos()) == 3
    everything = {"jump/c.mp4", "walk/a.mp4", "walk/monday/b.mp4"}
    assert hashed_by_dvc(tmp_path, root) == (everything if hashed is None else hashed)
    if hashed is None:
        assert layout.tree.notes == []
        return
    (note,) = layout.tree.notes
    named = (tmp_path / place).parent if place.endswith("config") else tmp_path / place
    assert note.startswith(f"{named} takes files out of what DVC tracks, but they are read here")


def test_outside_a_dvc_repository_nothing_is_ignored(tmp_path: Path) -> None:
    root = folder_tree(tmp_path)
    (root / ".dvcignore").write_text("*.mp4")
    assert read_tree(root).notes == []

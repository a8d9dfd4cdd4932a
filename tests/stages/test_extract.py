from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io

from humotion.datasets.jhmdb import SKELETON as JHMDB
from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.errors import HumotionError
from humotion.extraction import shards
from humotion.params.document import Params
from humotion.stages import extract, index
from humotion.store.frames import FrameStore, PackedVideo
from humotion.store.skeleton import Skeleton
from humotion.video.decode import has_cuda
from tests.stages.test_index import params
from tests.support.permissions import as_nobody, open_folder
from tests.support.trees import hmdb51_tree, jhmdb_tree, penn_labels, penn_tree, write_jpegs, write_video

PREPARED = Path("prepared/data")


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def prepare(settings: Params) -> tuple[FrameStore, pd.DataFrame]:
    index.run("data", settings)
    extract.run("data", settings)
    table = PREPARED / "frames.parquet"
    return FrameStore(PREPARED / "frames", table), pd.read_parquet(table).set_index("video_id")


def written() -> dict[str, bytes]:
    files = [*PREPARED.glob("frames/*"), PREPARED / "frames.parquet"]
    return {path.name: path.read_bytes() for path in files}


def test_good_and_bad_videos(tmp_path: Path) -> None:
    root = hmdb51_tree(tmp_path / "root")
    write_video(root / "walk" / "Some_Film_walk_f_cm_np1_fr_med_0.avi", 0)
    (root / "walk" / "Some_Film_walk_f_cm_np1_fr_med_1.avi").write_bytes(b"garbage" * 99)
    extra = write_video(root / "walk" / "Extra_walk_f_cm_np1_fr_med_0.avi", 40)
    extra.write_bytes(extra.read_bytes()[: extra.stat().st_size * 2 // 3])
    store, table = prepare(params("hmdb51", root))
    assert list(table.columns) == ["shard", "row", "num_frames", "method", "status", "error", "digest"]
    assert table["status"].value_counts().to_dict() == {
        "ok": 2,
        "truncated": 1,
        "corrupt": 1,
        "empty": 1,
        "missing": 1,
    }
    bracket = table.loc["walk/(Rad)_x_[_NEW_]!!!_walk_u_nm_np2_ba_goo_0"]
    assert (bracket.num_frames, bracket.method, bracket.status) == (8, "pyav", "ok")
    cut = table.loc["walk/Extra_walk_f_cm_np1_fr_med_0"]
    assert 10 < cut.num_frames < 40
    assert store[cut.name].num_frames == cut.num_frames
    absent = table[~table.index.isin(list(store))]
    assert set(absent["status"]) == {"empty", "corrupt", "missing"}
    assert (absent["row"] == -1).all()
    assert (absent["num_frames"] == 0).all()
    assert absent["error"].notna().all()
    assert store.skeleton is None


def test_labels_are_scaled_with_the_frames(tmp_path: Path) -> None:
    root = penn_tree(tmp_path / "root")
    store, table = prepare(params("penn_action", root, short_side=24))
    video = store["frames/0001"]
    assert (video.width, video.height, video.num_frames, store.skeleton) == (32, 24, 5, PENN_ACTION)
    raw = scipy.io.loadmat(root / "labels" / "0001.mat")
    np.testing.assert_allclose(video.joints[0, ..., 0], (raw["x"] - 1 + 0.5) / 2 - 0.5, rtol=1e-5)
    np.testing.assert_allclose(video.boxes[0, 0], [1.25, 1.75, 29.25, 21.25])
    assert table["method"].unique().tolist() == ["images"]


def test_penn_frames_are_copied(tmp_path: Path) -> None:
    root = penn_tree(tmp_path / "root")
    store, table = prepare(params("penn_action", root))
    assert table["method"].unique().tolist() == ["copy"]
    for number in range(5):
        path = root / "frames" / "0002" / f"{number + 1:06d}.jpg"
        assert store["frames/0002"].jpeg(number) == path.read_bytes()


def test_more_and_fewer_frames_than_labels(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = penn_tree(tmp_path / "root")
    (root / "frames" / "0001" / "000005.jpg").unlink()
    write_jpegs(root / "frames" / "0002", 7)
    store, table = prepare(params("penn_action", root))
    assert table["num_frames"].tolist() == [4, 7, 5]
    assert table["status"].tolist() == ["truncated", "ok", "ok"]
    assert store["frames/0001"].joints.shape == (1, 4, 13, 2)
    longer = store["frames/0002"]
    assert longer.visibility[0].sum(axis=1).tolist() == [26] * 5 + [0, 0]
    np.testing.assert_array_equal(longer.boxes[0, 6], longer.boxes[0, 4])
    behind = "7 frames, but 5 labelled frames: those behind have no known joints"
    assert table["error"]["frames/0002"] == behind
    assert pd.isna(table["error"]["frames/0003"])
    (said,) = [text for record in caplog.records if "whole, but not" in (text := record.getMessage())]
    assert said.startswith("1 of 3 videos of 'data' are whole, but not as expected")
    assert said.endswith(f"frames/0002: ok: {behind}")


def test_jhmdb_clips_without_joints_are_kept(tmp_path: Path) -> None:
    store, _ = prepare(params("jhmdb", jhmdb_tree(tmp_path / "root")))
    posed, plain = store[next(iter(store))], store[list(store)[-1]]
    assert posed.joints.shape == (1, 6, 15, 2)
    assert plain.joints is None
    assert store.skeleton == JHMDB


def test_any_number_of_workers_gives_the_same_bytes(tmp_path: Path) -> None:
    root = hmdb51_tree(tmp_path / "root")
    found = []
    for workers in (1, 2):
        prepare(params("hmdb51", root, workers=workers))
        found.append(written())
    assert sorted(found[0]) == ["frames.parquet", "shard-000.arrow", "shard-001.arrow", "shard-002.arrow"]
    assert found[0] == found[1]
    assert not list(Path(".humotion").rglob("*.arrow"))


def test_a_new_video_rewrites_one_shard(tmp_path: Path) -> None:
    root = hmdb51_tree(tmp_path / "root")
    settings = params("hmdb51", root, shards=8)
    prepare(settings)
    before = written()
    write_video(root / "walk" / "New_walk_f_cm_np1_fr_med_0.avi", 9)
    prepare(settings)
    changed = [name for name, data in written().items() if data != before[name]]
    assert len(changed) == 2  # the shard and the table


def test_a_gpu_that_is_not_there_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    if has_cuda():
        pytest.skip("there is a GPU")
    plain = params("hmdb51", hmdb51_tree(tmp_path / "root"), workers=2)
    settings = plain.model_dump(exclude={"experiments"}) | {"experiments": {}}
    settings["datasets"]["data"]["decode"] = {"device": "cuda"}
    _, table = prepare(Params.model_validate(settings))
    assert table["method"].dropna().tolist() == ["pyav", "pyav", "torchcodec", "pyav", "pyav"]
    (message,) = [record.getMessage() for record in caplog.records if "cuda" in record.getMessage()]
    assert message.startswith("decode.device is cuda, but 5 of 5 videos were read on the CPU (torch finds no GPU)")


def test_index_first(tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match="index stage"):
        extract.run("data", params("hmdb51", hmdb51_tree(tmp_path / "root")))


_RUN = """
import sys
from pathlib import Path
from tests.stages.test_index import params
from humotion.stages import extract
extract.run("data", params("folder", Path(sys.argv[1]), shards=12))
"""


def test_a_killed_run_is_resumed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for number in range(12):
        write_video(root / "walk" / f"{number}.mp4", 60, size=(320, 240))
    settings = params("folder", root, shards=12)
    index.run("data", settings)
    paths = [*sys.path, str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(root)], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    )
    tables = Path(".humotion/work/extract")
    deadline = time.monotonic() + 60
    while len(list(tables.glob("*/tables/shard-*.json"))) < 3:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (PREPARED / "frames").exists()
    shards = {f"{path.stem}.arrow" for path in tables.glob("*/tables/shard-*.json")}
    frames = [path for path in tables.glob("*/frames/*") if path.name in shards]
    times = {path.name: path.stat().st_mtime_ns for path in frames}

    extract.run("data", settings)
    assert len(times) == len(shards) >= 3
    for name, written_at in times.items():  # moved into place, not written again
        assert (PREPARED / "frames" / name).stat().st_mtime_ns == written_at
    resumed = written()
    assert len(resumed) == 13
    assert not list(tables.iterdir())
    extract.run("data", settings)
    assert written() == resumed


def test_work_of_other_settings_is_not_used(tmp_path: Path) -> None:
    root = hmdb51_tree(tmp_path / "root")
    store, _ = prepare(params("hmdb51", root, jpeg_quality=30))
    small = len(store["walk/Extra_walk_f_cm_np1_fr_med_0"].jpeg(0))
    store, _ = prepare(params("hmdb51", root, jpeg_quality=95))
    assert len(store["walk/Extra_walk_f_cm_np1_fr_med_0"].jpeg(0)) > small


def test_a_full_disk_is_said_and_finished_shards_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write to /dev/full fails as on a full disk: one shard of three is sent there."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    settings = params("penn_action", penn_tree(tmp_path / "root", num_sequences=6))
    index.run("data", settings)
    name, write = shards.shard_name, shards.write_shard

    def write_some(path: Path, videos: Iterable[PackedVideo], skeleton: Skeleton | None) -> int:
        return write(Path("/dev/full") if "shard-002" in path.name else path, videos, skeleton)

    with monkeypatch.context() as patch:
        patch.setattr(shards, "write_shard", write_some)
        with pytest.raises(HumotionError, match="disk is full") as raised:
            extract.run("data", settings)
    assert isinstance(raised.value.__cause__, OSError)
    assert raised.value.__cause__.errno == errno.ENOSPC
    assert sorted(path.name for path in Path(".humotion").rglob("*.arrow")) == [name(0), name(1)]
    assert not (PREPARED / "frames").exists()
    extract.run("data", settings)
    assert len(written()) == 4


def test_penn_label_that_breaks_after_indexing(tmp_path: Path) -> None:
    root = penn_tree(tmp_path / "root")
    settings = params("penn_action", root)
    index.run("data", settings)
    content = penn_labels(5)
    del content["bbox"]
    scipy.io.savemat(root / "labels" / "0001.mat", content)
    extract.run("data", settings)
    table = pd.read_parquet(PREPARED / "frames.parquet")
    assert table["status"].tolist() == ["corrupt", "ok", "ok"]
    assert "'bbox'" in table["error"][0]


def test_a_file_that_vanished_or_lost_its_permission_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_folder() as folder:
        monkeypatch.chdir(folder)
        for name in ("a", "b", "c"):
            write_video(folder / "root" / "walk" / f"{name}.avi", 3)
        write_jpegs(folder / "root" / "walk" / "d", 2)
        lines = "".join(f"walk/{name},walk\n" for name in ("a.avi", "b.avi", "c.avi", "d"))
        (folder / "root" / "videos.csv").write_text(f"path,label\n{lines}")
        settings = params("table", folder / "root")
        index.run("data", settings)
        (folder / "root" / "walk" / "a.avi").unlink()
        (folder / "root" / "walk" / "b.avi").chmod(0)
        (folder / "root" / "walk" / "d").chmod(0)
        for path in (folder, folder / "prepared", folder / "prepared" / "data"):
            path.chmod(0o777)
        with as_nobody():
            extract.run("data", settings)
        table = pd.read_parquet("prepared/data/frames.parquet").set_index("video_id")
        (folder / "root" / "walk" / "d").chmod(0o755)
    assert table["status"].to_dict() == {"walk/a": "missing", "walk/b": "corrupt", "walk/c": "ok", "walk/d": "corrupt"}
    assert table["num_frames"].to_dict() == {"walk/a": 0, "walk/b": 0, "walk/c": 3, "walk/d": 0}
    assert "Permission denied" in table.at["walk/b", "error"]
    assert "Permission denied" in table.at["walk/d", "error"]


def test_a_disk_that_is_not_mounted_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "root" / "walk" / "a.avi", 3)
    index.run("data", params("folder", tmp_path / "root"))
    (tmp_path / "root" / "walk").rename(tmp_path / "away")
    with pytest.raises(HumotionError, match=r"None of the 1 videos .* Is the disk mounted"):
        extract.run("data", params("folder", tmp_path / "root"))

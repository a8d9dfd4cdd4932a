from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import simplejpeg

from humotion.datasets.penn_action import SKELETON
from humotion.errors import HumotionError
from humotion.store.frames import FrameStore, PackedVideo, shard_name, shard_of, write_shard
from tests.support.trees import picture


def packed(video_id: str, num_frames: int, pose: bool) -> PackedVideo:
    jpegs = [simplejpeg.encode_jpeg(picture(number), quality=95) for number in range(num_frames)]
    if not pose:
        return PackedVideo(video_id, 64, 48, None, jpegs)
    joints = np.arange(num_frames * 13 * 2, dtype=np.float32).reshape(1, num_frames, 13, 2)
    visibility = (np.arange(num_frames * 13) % 3).astype(np.uint8).reshape(1, num_frames, 13)
    boxes = np.arange(num_frames * 4, dtype=np.float32).reshape(1, num_frames, 4)
    return PackedVideo(video_id, 64, 48, 29.97, jpegs, joints, visibility, boxes)


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    """Two shards: a posed and a plain video in the first, one posed in the second; one video is corrupt."""
    write_shard(tmp_path / shard_name(0), [packed("a/posed", 5, True), packed("a/plain", 3, False)], SKELETON)
    write_shard(tmp_path / shard_name(1), [packed("b/posed", 4, True)], SKELETON)
    rows = [("a/posed", 0, 0, "ok"), ("a/plain", 0, 1, "ok"), ("b/posed", 1, 0, "truncated"), ("c", 1, -1, "corrupt")]
    pd.DataFrame(rows, columns=["video_id", "shard", "row", "status"]).to_parquet(tmp_path / "frames.parquet")
    return FrameStore(tmp_path, tmp_path / "frames.parquet")


def test_a_video_comes_back_as_it_was_written(store: FrameStore) -> None:
    expected, video = packed("a/posed", 5, True), store["a/posed"]
    assert (video.video_id, video.num_frames, video.width, video.height, video.fps) == ("a/posed", 5, 64, 48, 29.97)
    for name in ("joints", "visibility", "boxes"):
        np.testing.assert_array_equal(getattr(video, name), getattr(expected, name))
        assert getattr(video, name).dtype == getattr(expected, name).dtype
    assert [video.jpeg(index) for index in range(5)] == expected.jpegs
    plain = store["a/plain"]
    assert plain.joints is plain.visibility is plain.boxes is plain.fps is None


def test_decode_takes_any_indices(store: FrameStore) -> None:
    video = store["a/posed"]
    frames = video.decode([4, 0, 4, 4])
    assert frames.shape == (4, 48, 64, 3)
    assert frames.dtype == np.uint8
    for frame, number in zip(frames, [4, 0, 4, 4], strict=True):
        np.testing.assert_array_equal(frame, simplejpeg.decode_jpeg(video.jpeg(number)))
        assert np.abs(frame.astype(int) - picture(number)).mean() < 4
    assert video.decode(np.array([], np.int64)).shape == (0, 48, 64, 3)


@pytest.mark.parametrize("index", [5, -1])
def test_an_index_outside_the_video_is_an_error(index: int, store: FrameStore) -> None:
    with pytest.raises(IndexError, match="a/posed, which has 5 frames"):
        store["a/posed"].decode([0, index])


def test_the_store_lists_what_has_frames(store: FrameStore) -> None:
    assert list(store) == ["a/posed", "a/plain", "b/posed"]
    assert len(store) == 3
    assert "c" not in store
    assert store.skeleton == SKELETON


def test_absent_videos_say_why(store: FrameStore, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match=r"'c'.*status is 'corrupt'"):
        store["c"]
    with pytest.raises(HumotionError, match=r"'nothing'.*unknown id"):
        store["nothing"]
    with pytest.raises(HumotionError, match="extract stage"):
        FrameStore(tmp_path, tmp_path / "none.parquet")
    (tmp_path / shard_name(1)).unlink()
    with pytest.raises(HumotionError, match=r"shard-001.arrow is missing"):
        FrameStore(tmp_path, tmp_path / "frames.parquet")["b/posed"]


def _sum(store: FrameStore, video_id: str) -> int:
    return int(store[video_id].decode([1, 2]).sum())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_open_store_works_in_other_processes(method: str, store: FrameStore) -> None:
    expected = [_sum(store, video_id) for video_id in store]  # opens the files in this process first
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(_sum, [(store, video_id) for video_id in store]) == expected
    assert len(pickle.dumps(store)) < 5000


def test_the_same_videos_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_shard(tmp_path / name, (packed(f"v{i}", 3, i % 2 == 0) for i in range(4)), SKELETON)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_shard_depends_on_the_id_alone() -> None:
    assert shard_of("walk/clip", 16) == shard_of("walk/clip", 16)
    counts = np.bincount([shard_of(f"walk/clip_{number}", 8) for number in range(4000)], minlength=8)
    assert counts.min() > 400

"""Splits within videos: blocks never touch, and the leaky split leaks."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import pandas as pd
import pytest

from humotion.clips.notices import within_notices
from humotion.clips.sampling import sampler
from humotion.clips.splits import SPLITS, partition
from humotion.clips.table import build_clips
from humotion.clips.within import blocks, share_with_training, smallest_video
from humotion.errors import HumotionError
from humotion.params.experiment import ClipParams, EveryWindowClipParams, UniformClipParams


def windows(split: str = "blocks", **settings: Any) -> EveryWindowClipParams:
    return EveryWindowClipParams(sampling="windows", split=split, **settings)


def clips_of(settings: ClipParams, **lengths: int) -> dict[str, pd.DataFrame]:
    videos = pd.DataFrame(
        [(name, name, name, number, length) for number, (name, length) in enumerate(lengths.items())],
        columns=["video_id", "group", "label", "label_id", "num_frames"],
    )
    people = {name: [-1] for name in lengths}
    return {split: build_clips(videos, people, sampler(settings, split), by_start=True) for split in SPLITS}


@pytest.mark.parametrize("num_frames", [50, 58, 59, 100, 601])
@pytest.mark.parametrize(("folds", "fold"), [(5, 0), (5, 1), (5, 3), (3, 0), (3, 1)])
def test_between_blocks_lie_as_many_frames_as_a_clip_has(num_frames: int, folds: int, fold: int) -> None:
    settings = windows(validation_folds=folds, validation_fold=fold)
    found = blocks(num_frames, settings)
    if num_frames < smallest_video(settings):
        assert found == {"train": [], "val": [], "test": []}
        return
    parts = sorted((part.start, part.stop, split) for split, ranges in found.items() for part in ranges)
    assert parts[0][0] == 0
    assert parts[-1][1:] == (num_frames, "test")
    assert [later[0] - earlier[1] for earlier, later in pairwise(parts)] == [10] * (len(parts) - 1)
    assert all(stop - start >= 10 for start, stop, _ in parts)
    sizes = {split: sum(map(len, ranges)) for split, ranges in found.items()}
    usable = num_frames - 10 * (len(parts) - 1)
    assert sizes["test"] == sizes["val"] == max(10, usable // folds)


def test_the_validation_part_moves_with_its_fold() -> None:
    order = []
    for fold in range(4):
        found = blocks(600, windows(validation_fold=fold))
        parts = sorted((part.start, split) for split, ranges in found.items() for part in ranges)
        order.append([split for _, split in parts])
    assert order == [
        ["train", "val", "test"],
        ["train", "val", "train", "test"],
        ["train", "val", "train", "test"],
        ["val", "train", "test"],
    ]
    with pytest.raises(HumotionError, match=r"the last of clips.validation_folds"):
        blocks(600, windows(validation_fold=4))
    with pytest.raises(HumotionError, match="at least 3 parts"):
        blocks(600, windows(validation_folds=2))


def test_58_frames_of_one_class_and_601_of_another() -> None:
    clips = clips_of(windows(), short=58, long=601)
    counts = {split: table.groupby("video_id").size().to_dict() for split, table in clips.items()}
    assert counts == {
        "train": {"short": 9, "long": 340},
        "val": {"short": 1, "long": 107},
        "test": {"short": 1, "long": 107},
    }
    ids = [clip for table in clips.values() for clip in table["clip_id"]]
    assert len(set(ids)) == len(ids)
    assert "short#0048" in clips["test"]["clip_id"].tolist()
    assert share_with_training(clips) == 0
    for one, other in combinations(SPLITS, 2):
        for name in ("short", "long"):
            frames = [
                {frame for row in table.loc[table["video_id"] == name, "frame_indices"] for frame in row}
                for table in (clips[one], clips[other])
            ]
            assert min(abs(a - b) for a in frames[0] for b in frames[1]) > 10


def test_a_video_that_is_too_short_has_no_clips() -> None:
    settings = windows()
    assert smallest_video(settings) == 50
    assert {split: len(table) for split, table in clips_of(settings, short=49).items()} == dict.fromkeys(SPLITS, 0)
    assert {split: len(table) for split, table in clips_of(settings, short=50).items()} == dict.fromkeys(SPLITS, 1)
    assert smallest_video(windows("leaky_windows")) == 12
    assert smallest_video(windows("grouped")) == smallest_video(UniformClipParams()) == 1


def test_the_leaky_split_gives_every_window_to_one_part() -> None:
    clips = clips_of(windows("leaky_windows"), one=601)
    starts = [int(row[0]) for table in clips.values() for row in table["frame_indices"]]
    assert sorted(starts) == list(range(592))
    assert {split: len(table) for split, table in clips.items()} == {"train": 356, "val": 118, "test": 118}
    assert share_with_training(clips) > 0.96
    other = clips_of(windows("leaky_windows", validation_fold=1), one=601)
    assert other["test"]["clip_id"].tolist() == clips["test"]["clip_id"].tolist()
    assert not set(other["val"]["clip_id"]) & set(clips["val"]["clip_id"])


def test_notices_name_the_leak() -> None:
    (leaky,) = within_notices({"column": "leaky_windows", "test_clips_shared": 0.97})
    assert leaky.startswith("LEAKY SPLIT: 97% of the test clips share frames")
    (honest,) = within_notices({"column": "blocks", "test_clips_shared": 0.0})
    assert "other people and places" in honest
    assert within_notices({"column": "split_1"}) == []


def test_every_video_is_in_every_part_and_the_facts_say_so() -> None:
    videos = pd.DataFrame(
        {"video_id": ["a", "b"], "group": ["a", None], "label": ["x", "y"], "label_id": [0, 1], "num_frames": [90, 90]}
    )
    found = partition(videos, "leaky_windows", 5, 0)
    assert all(found.videos[split]["video_id"].tolist() == ["a", "b"] for split in SPLITS)
    assert found.facts["source"] == "made: LEAKY: windows at random"
    assert found.facts["groups_in_train_and_test"]["num_groups"] == 2


def test_windows_of_a_split_by_videos_are_the_same_in_training_and_test() -> None:
    settings = windows("grouped", stride=5)
    for split in SPLITS:
        assert [clip.frame_indices[0] for clip in sampler(settings, split)(22)] == [0, 5, 10, 12]


def test_only_windows_can_be_divided_within_videos() -> None:
    with pytest.raises(ValueError, match="needs sampling: windows"):
        UniformClipParams(split="blocks")

"""Splits within videos, for recordings that last much longer than a clip, and of which a class may have only one.

``blocks`` divides each video into contiguous parts. Between two parts, as many frames as a clip has are left out, so
that no frame of a test clip is near one of a training clip::

    train ------------ gap  validation ---- gap  test ----

``leaky_windows`` gives windows to the parts at random, as tutorials do. Neighbouring windows share all frames but one,
so nearly every test clip has been seen in training. It exists to show what that does to a score.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from humotion.errors import HumotionError
from humotion.params.experiment import BLOCKS, LEAKY_WINDOWS, ClipParams, EveryWindowClipParams

Ranges = dict[str, list[range]]


def smallest_video(settings: ClipParams) -> int:
    """The smallest number of frames of a video that can be divided; 1 for splits by videos."""
    if settings.split == BLOCKS:
        num_train = len(_shares(settings)["train"])
        return settings.num_frames * (2 + num_train + _num_gaps(num_train))
    return settings.num_frames + 2 if settings.split == LEAKY_WINDOWS else 1


def window_starts(num_frames: int, settings: EveryWindowClipParams, split: str) -> list[int]:
    """First frames of the windows of a video that are in a split, in order.

    Raises:
        HumotionError: the validation fold does not exist.
    """
    length, stride = settings.num_frames, settings.stride
    if settings.split == LEAKY_WINDOWS:
        return _at_random(list(range(0, num_frames - length + 1, stride)), settings)[split]
    parts = blocks(num_frames, settings)[split]
    return [start for part in parts for start in range(part.start, part.stop - length + 1, stride)]


def blocks(num_frames: int, settings: ClipParams) -> Ranges:
    """The frames of each split, in one or two parts; empty for a video below `smallest_video`."""
    if num_frames < smallest_video(settings):
        return {"train": [], "val": [], "test": []}
    length, shares = settings.num_frames, _shares(settings)
    usable = num_frames - length * _num_gaps(len(shares["train"]))
    held_out = max(length, usable // settings.validation_folds)
    in_train = usable - 2 * held_out
    first = in_train
    if len(shares["train"]) == 2:
        first = round(in_train * shares["train"][0] / sum(shares["train"]))
        first = min(max(first, length), in_train - length)
    sizes = {"train": [first, in_train - first], "val": [held_out], "test": [held_out]}
    found: Ranges = {"train": [], "val": [], "test": []}
    start = 0
    for split in _order(settings):
        size = sizes[split].pop(0)
        found[split].append(range(start, start + size))
        start += size + length
    return found


def _order(settings: ClipParams) -> list[str]:
    """The splits in the order of time: the test part is last, and the validation part moves forward with its fold."""
    before = settings.validation_folds - 2 - settings.validation_fold
    if settings.validation_folds < 3 or before < 0:
        raise HumotionError(
            f"clips.split is {BLOCKS}: the last of clips.validation_folds ({settings.validation_folds}) parts is the "
            f"test part, so clips.validation_fold ({settings.validation_fold}) must be below the number of the others, "
            "and at least 3 parts are needed."
        )
    after = settings.validation_fold
    return ["train"] * (before > 0) + ["val"] + ["train"] * (after > 0) + ["test"]


def _shares(settings: ClipParams) -> dict[str, list[int]]:
    """The sizes of the training parts, in folds."""
    _order(settings)
    before = settings.validation_folds - 2 - settings.validation_fold
    return {"train": [size for size in (before, settings.validation_fold) if size]}


def _num_gaps(num_train: int) -> int:
    return num_train + 1


def _at_random(starts: list[int], settings: ClipParams) -> dict[str, list[int]]:
    folds, fold = settings.validation_folds, settings.validation_fold
    if len(starts) < 3:
        return {"train": [], "val": [], "test": []}
    order = np.random.default_rng(len(starts)).permutation(starts)
    held_out = max(1, round(len(starts) / folds))
    test, rest = order[:held_out], np.roll(order[held_out:], -fold * held_out)
    parts = {"train": rest[held_out:], "val": rest[:held_out], "test": test}
    return {split: sorted(part.tolist()) for split, part in parts.items()}


def share_with_training(clips: dict[str, pd.DataFrame]) -> float:
    """The share of the test clips that have a frame in common with a training clip."""
    trained = {
        video_id: np.unique(np.concatenate(rows.tolist()))
        for video_id, rows in clips["train"].groupby("video_id")["frame_indices"]
    }
    nothing = np.empty(0, np.int32)
    test = zip(clips["test"]["video_id"], clips["test"]["frame_indices"], strict=True)
    shared = [bool(np.isin(frames, trained.get(video_id, nothing)).any()) for video_id, frames in test]
    return float(np.mean(shared)) if shared else 0.0

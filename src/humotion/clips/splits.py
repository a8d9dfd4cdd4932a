"""Train, validation and test videos, and the checks that they do not leak into each other.

The official split decides train and test. With ``grouped``, one fold of all videos is the test split instead: no
source recording is on both sides, and classes keep their real sizes. Validation videos are one fold of a
StratifiedGroupKFold within the training videos, grouped by source recording. The folds depend only on the data, not
on an experiment's seed. So models with different seeds are compared on the same validation clips.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from humotion.errors import HumotionError
from humotion.params.experiment import BLOCKS, WITHIN_VIDEOS

SPLITS = ("train", "val", "test")
GROUPED = "grouped"
"""The value of ``clips.split`` for a group-clean test split of all videos."""


@dataclass(frozen=True)
class Partition:
    """The videos of each split, and facts about how they were chosen."""

    videos: dict[str, pd.DataFrame]
    facts: dict[str, Any]


def partition(videos: pd.DataFrame, split: str, folds: int, fold: int) -> Partition:
    """Divide videos (columns video_id, group, label, label_id, ``split``) into train, val and test.

    With ``split`` "grouped", or a split column that is entirely null, the test videos are the first of ``folds``
    group-clean folds of all videos. A video without a group is a group of its own. A split within videos has all
    videos in all three parts (see `humotion.clips.within`).

    Raises:
        HumotionError: the split column does not exist; a train, validation or test set is empty; train and validation
            share a group, or train and a test split made here share one; a video is in two splits.
    """
    num_without_group = int(videos["group"].isna().sum())
    videos = videos.assign(group=videos["group"].fillna(videos["video_id"]))
    if split in WITHIN_VIDEOS:
        _check_filled({"train": videos}, split)
        return Partition(dict.fromkeys(SPLITS, videos), _facts_within(videos, split, folds, fold, num_without_group))
    official = is_official(videos, split)
    if official:
        training, test = videos[videos[split] == "train"], videos[videos[split] == "test"]
    else:
        training, test = _hold_out(videos, folds, fold=0, what="test")
    _check_filled({"train": training, "test": test}, split)
    train, val = _hold_out(training, folds, fold, what="validation")
    parts = {"train": train, "val": val, "test": test}
    check_partition(parts, is_made=not official)
    shared = sorted(set(training["group"]) & set(test["group"]))
    facts = {
        "source": _source(split, official),
        "column": split,
        "validation_folds": folds,
        "validation_fold": fold,
        "num_without_group": num_without_group,
        "groups_in_train_and_test": {
            "num_groups": len(shared),
            "num_test_videos": int(test["group"].isin(shared).sum()),
            "groups": shared,
        },
    }
    return Partition(parts, facts)


def _facts_within(videos: pd.DataFrame, split: str, folds: int, fold: int, num_without_group: int) -> dict[str, Any]:
    groups = sorted(set(videos["group"]))
    what = "contiguous parts of each video, with gaps" if split == BLOCKS else "LEAKY: windows at random"
    return {
        "source": f"made: {what}",
        "column": split,
        "validation_folds": folds,
        "validation_fold": fold,
        "num_without_group": num_without_group,
        "groups_in_train_and_test": {"num_groups": len(groups), "num_test_videos": len(videos), "groups": groups},
    }


def is_official(videos: pd.DataFrame, split: str) -> bool:
    """Return whether the dataset ships ``split``; otherwise it must be made from groups.

    Raises:
        HumotionError: ``split`` is neither a column of ``videos`` nor the name of a split that is made here.
    """
    if split in (GROUPED, *WITHIN_VIDEOS):
        return False
    if split not in videos.columns:
        known = [*(column for column in videos.columns if "split_" in column), GROUPED]
        raise HumotionError(
            f"clips.split is {split!r}, but the dataset has {_listed(known, most=20)}. If it should have more, `notes` "
            "in prepared/<dataset>/index.json says what was looked for."
        )
    return bool(videos[split].notna().any())


def check_partition(parts: dict[str, pd.DataFrame], is_made: bool = False) -> None:
    """Refuse splits that are empty or that leak.

    If a group is in both train and test of an official split, `partition` reports it, and this function accepts it.
    In a split that was made here (``is_made``), it is an error.
    """
    _check_filled(parts)
    for one, other in combinations(parts, 2):
        _check_disjoint(parts[one]["video_id"], parts[other]["video_id"], f"{one} and {other}", "videos")
        if is_made or (one, other) == ("train", "val"):
            _check_disjoint(parts[one]["group"], parts[other]["group"], f"{one} and {other}", "groups")


def check_classes(parts: dict[str, pd.DataFrame]) -> None:
    """Refuse training videos from which no classifier could learn: of one class, or without a class to be tested."""
    known = set(parts["train"]["label"])
    if len(known) == 1 and all(set(part["label"]) <= known for part in parts.values()):
        raise HumotionError(
            f"Every video that can be used is of the class {_listed(sorted(known))}. A classifier needs at least two "
            "classes. If there are more, see prepared/<dataset>/frames.parquet for videos that could not be read "
            "or are too short, and check datasets.<dataset>.root in params.yaml: with layout: folder, each folder in "
            "it is a class."
        )
    for name, part in parts.items():
        absent = sorted(set(part["label"]) - known)
        if absent:
            raise HumotionError(
                f"The {name} videos contain {_listed(absent)}, but no training video does. Perhaps every recording "
                "of the class is in one fold: choose another clips.validation_fold or more clips.validation_folds, "
                "or add recordings."
            )


def _source(split: str, official: bool) -> str:
    if official:
        return "official"
    return "made: group-clean folds" + ("" if split == GROUPED else ", as the dataset ships no split")


def _check_filled(parts: dict[str, pd.DataFrame], split: str | None = None) -> None:
    for name, part in parts.items():
        if part.empty:
            where = f" in {split!r}" if split else ""
            raise HumotionError(
                f"No readable {name} video{where}. See prepared/<dataset>/frames.parquet for the videos that could "
                "not be read, and clips.split for the split that is used."
            )


def _check_disjoint(one: pd.Series, other: pd.Series, where: str, what: str) -> None:
    shared = sorted(set(one) & set(other))
    if shared:
        raise HumotionError(
            f"Leak: {len(shared)} {what} are in both {where}: {_listed(shared)}. "
            "Fix the dataset's split or its groups in prepared/<dataset>/videos.parquet."
        )


def _hold_out(videos: pd.DataFrame, folds: int, fold: int, what: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold out one group-clean, class-stratified fold, and return (the rest, the fold)."""
    num_groups = videos["group"].nunique()
    if num_groups < 2:
        raise HumotionError(
            f"All {len(videos)} videos to hold out the {what} split from are of one group (source recording): "
            f"{_listed(videos['group'].unique().tolist())}. A fold needs a group of its own. Add recordings, or "
            "correct the groups in the dataset."
        )
    if num_groups < folds:
        raise HumotionError(
            f"{num_groups} groups (source recordings) cannot fill {folds} folds for the {what} split. "
            f"Set clips.validation_folds to at most {num_groups}, or add recordings."
        )
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about a rare class; check_classes checks the result
            indices = list(splitter.split(videos["video_id"], _strata(videos, folds), videos["group"]))
    except ValueError as error:
        raise HumotionError(f"Cannot make {folds} folds for the {what} split: {error}") from None
    rest, held_out = indices[fold]
    return videos.iloc[rest], videos.iloc[held_out]


def _strata(videos: pd.DataFrame, folds: int) -> pd.Series:
    """The label of each video; classes that are too small for all folds together are one stratum."""
    sizes = videos["label"].map(videos["label"].value_counts())
    return videos["label"].where(sizes >= folds, "(rare)")


def _listed(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(str(name) for name in names[:most]) + more

"""Train, validation and test videos, and the checks that they do not leak into each other.

The official split decides train and test. Validation videos are one fold of a StratifiedGroupKFold
inside the training videos, grouped by source recording. The folds depend on the data alone, not on
an experiment's seed, so that models of different seeds are compared on the same validation clips.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from humotion.errors import HumotionError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Partition:
    """The videos of each split, and facts about how they came about."""

    videos: dict[str, pd.DataFrame]
    facts: dict[str, Any]


def partition(videos: pd.DataFrame, split: str, folds: int, fold: int) -> Partition:
    """Divide videos (columns video_id, group, label, label_id, ``split``) into train, val and test.

    A dataset whose split column is entirely null has no official split: its test videos are then the
    first of ``folds`` group-clean folds. A video without a group is a group of its own.

    Raises:
        HumotionError: no such split column; an empty train, validation or test set; a group shared by
            train and validation; a video in two splits.
    """
    _check_split_column(videos, split)
    videos = videos.assign(group=videos["group"].fillna(videos["video_id"]))
    official = bool(videos[split].notna().any())
    if official:
        training, test = videos[videos[split] == "train"], videos[videos[split] == "test"]
    else:
        training, test = _hold_out(videos, folds, fold=0, what="test")
    _check_filled({"train": training, "test": test}, split)
    train, val = _hold_out(training, folds, fold, what="validation")
    parts = {"train": train, "val": val, "test": test}
    check_partition(parts)
    shared = sorted(set(training["group"]) & set(test["group"]))
    facts = {
        "source": "official" if official else "made: group-clean folds, as the dataset ships no split",
        "column": split,
        "validation_folds": folds,
        "validation_fold": fold,
        "groups_in_train_and_test": {
            "num_groups": len(shared),
            "num_test_videos": int(test["group"].isin(shared).sum()),
            "groups": shared,
        },
    }
    return Partition(parts, facts)


def check_partition(parts: dict[str, pd.DataFrame]) -> None:
    """Refuse splits that are empty or that leak.

    A group in both train and test is a property of the official split and is reported by
    `partition`, not refused.
    """
    _check_filled(parts)
    for one, other in combinations(parts, 2):
        _check_disjoint(parts[one]["video_id"], parts[other]["video_id"], f"{one} and {other}", "videos")
    _check_disjoint(parts["train"]["group"], parts["val"]["group"], "train and val", "groups")


def check_classes(parts: dict[str, pd.DataFrame]) -> None:
    """Refuse a training split that lacks a class of the others: no classifier could know it."""
    known = set(parts["train"]["label"])
    for name, part in parts.items():
        absent = sorted(set(part["label"]) - known)
        if absent:
            raise HumotionError(
                f"No training video of {_listed(absent)}, which the {name} videos hold. Every recording of "
                "the class may have gone to one fold: choose another clips.validation_fold or more "
                "clips.validation_folds, or add recordings."
            )


def _check_split_column(videos: pd.DataFrame, split: str) -> None:
    if split not in videos.columns:
        known = [column for column in videos.columns if "split" in column]
        raise HumotionError(f"clips.split is {split!r}, but the dataset has {_listed(known) or 'no split'}.")


def _check_filled(parts: dict[str, pd.DataFrame], split: str | None = None) -> None:
    for name, part in parts.items():
        if part.empty:
            where = f" in {split!r}" if split else ""
            raise HumotionError(
                f"No readable {name} video{where}. See prepared/<dataset>/frames.parquet for what could "
                "not be read, and clips.split for the split that is used."
            )


def _check_disjoint(one: pd.Series, other: pd.Series, where: str, what: str) -> None:
    shared = sorted(set(one) & set(other))
    if shared:
        raise HumotionError(
            f"Leak: {len(shared)} {what} stand in both {where}: {_listed(shared)}. "
            "Mend the dataset's split or its groups in prepared/<dataset>/videos.parquet."
        )


def _hold_out(videos: pd.DataFrame, folds: int, fold: int, what: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold out one group-clean, class-stratified fold: (the rest, the fold)."""
    num_groups = videos["group"].nunique()
    if num_groups < folds:
        raise HumotionError(
            f"{num_groups} groups (source recordings) cannot fill {folds} folds for the {what} split; "
            "set clips.validation_folds lower or add recordings."
        )
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a rare class; check_classes judges the result
            indices = list(splitter.split(videos["video_id"], _strata(videos, folds), videos["group"]))
    except ValueError as error:
        raise HumotionError(f"Cannot make {folds} folds for the {what} split: {error}") from None
    rest, held_out = indices[fold]
    return videos.iloc[rest], videos.iloc[held_out]


def _strata(videos: pd.DataFrame, folds: int) -> pd.Series:
    """The label of each video; classes too small to reach every fold are pooled into one stratum."""
    sizes = videos["label"].map(videos["label"].value_counts())
    return videos["label"].where(sizes >= folds, "(rare)")


def _listed(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(str(name) for name in names[:most]) + more

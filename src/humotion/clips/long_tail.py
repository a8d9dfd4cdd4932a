"""Create a long tail by removing training videos, to study imbalance on balanced data.

Only training videos are removed, after the validation fold was taken. So validation keeps class sizes similar to those
of the test split, and the same videos validate experiments with and without the long tail.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.params.experiment import LongTailParams


def thin_out(videos: pd.DataFrame, params: LongTailParams) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Keep n_0 ratio^(-i / (C - 1)) videos, rounded, of the class that the seed puts at position i of C.

    The profile is that of Cui et al. (CVPR 2019) and Cao et al. (NeurIPS 2019). n_0 is the largest number for which
    every class has enough videos. Complete groups are kept, in a random order from the seed; only the last one may be
    incomplete. So a rare class also has few recordings, instead of one clip each from many recordings.

    Returns:
        The kept videos in their old order, and the facts: videos and groups per class before and after.
    """
    generator = np.random.default_rng(params.seed)
    labels = generator.permutation(np.sort(videos["label"].unique()))
    sizes = videos["label"].value_counts().loc[labels].to_numpy().astype(np.int64)
    targets = dict(zip(labels, exponential_profile(sizes, params.ratio), strict=True))
    kept = [_whole_groups_first(videos[videos["label"] == label], targets[label], generator) for label in labels]
    thinned = videos.loc[videos.index.isin(np.concatenate(kept))]
    facts = {**params.model_dump(), "classes": {label: _counts(label, videos, thinned) for label in labels}}
    return thinned, facts


def exponential_profile(sizes: npt.NDArray[np.int64], ratio: float) -> npt.NDArray[np.int64]:
    """The largest class sizes that decrease by ``ratio`` from first to last, at most ``sizes`` and at least 1."""
    shares = ratio ** (-np.arange(len(sizes)) / max(1, len(sizes) - 1))
    largest = (sizes / shares).min()
    return np.maximum(1, np.rint(largest * shares)).astype(np.int64)


def _whole_groups_first(videos: pd.DataFrame, target: int, generator: np.random.Generator) -> npt.NDArray[Any]:
    """Index of ``target`` videos, group after group in a random order, and by id within a group."""
    groups = generator.permutation(np.sort(videos["group"].unique()))
    place = videos["group"].map(dict(zip(groups, range(len(groups)), strict=True)))
    return videos.assign(place=place).sort_values(["place", "video_id"]).index[:target].to_numpy()


def _counts(label: str, before: pd.DataFrame, after: pd.DataFrame) -> dict[str, int]:
    tables = {"before": before[before["label"] == label], "after": after[after["label"] == label]}
    videos = {f"videos_{when}": len(table) for when, table in tables.items()}
    return videos | {f"groups_{when}": int(table["group"].nunique()) for when, table in tables.items()}

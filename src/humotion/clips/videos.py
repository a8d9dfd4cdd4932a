"""The videos of a dataset that can make clips, and the others by the reason why they cannot."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
from tqdm import tqdm

from humotion.clips.input import Input
from humotion.clips.splits import is_official
from humotion.errors import HumotionError
from humotion.store.frames import FrameStore


class Usable(NamedTuple):
    """The videos that can make clips.

    Attributes:
        videos: their rows.
        people: the persons of each, by its id, of whom clips are made.
        left_out: the ids of the other videos, by reason.
    """

    videos: pd.DataFrame
    people: dict[str, list[int]]
    left_out: dict[str, list[str]]


def with_frames(videos: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """Videos with what was really decoded of them: num_frames and status come from the frame table."""
    decoded = frames[["video_id", "num_frames", "status"]]
    merged = videos.drop(columns=["status", "error"]).merge(decoded, on="video_id", how="left")
    return merged.assign(num_frames=merged["num_frames"].fillna(0), status=merged["status"].fillna("missing"))


def in_split(videos: pd.DataFrame, split: str) -> pd.DataFrame:
    """The videos that the official split uses; all of them where the split is made here."""
    return videos[videos[split].notna()] if is_official(videos, split) else videos


def usable(videos: pd.DataFrame, shown: Input, store: FrameStore) -> Usable:
    """The videos, of `with_frames`, that have frames, a label, and somebody to show.

    Raises:
        HumotionError: there is none.
    """
    readable = videos["status"].isin(["ok", "truncated"]) & (videos["num_frames"] > 0)
    reasons = videos["status"].where(~readable, None).replace({"ok": "empty", "truncated": "empty"})
    reasons.loc[readable & videos["label"].isna()] = "no label"
    ids = videos.loc[readable, "video_id"]
    people = {id_: shown.people_in(store, id_) for id_ in tqdm(ids, desc="people", unit="video")}
    reasons.loc[ids.index[[not people[id_] for id_ in ids]]] = shown.NOBODY
    left_out = {str(reason): sorted(group["video_id"]) for reason, group in videos.groupby(reasons, dropna=True)}
    found = videos[reasons.isna()]
    if found.empty:
        raise HumotionError(
            "No video of the dataset can be used: "
            + ", ".join(f"{len(ids)} {reason}" for reason, ids in left_out.items())
        )
    return Usable(found, people, left_out)


def classes_of(videos: pd.DataFrame) -> list[str]:
    """Every class of the dataset, so that a name's place in the list is its label_id.

    Raises:
        HumotionError: the numbers of the classes do not count from 0.
    """
    labels = videos.dropna(subset="label").drop_duplicates("label_id").sort_values("label_id")
    if labels["label_id"].tolist() != list(range(len(labels))):
        raise HumotionError(
            f"label_id must count the classes from 0, but is {labels['label_id'].tolist()}; "
            "run the index stage of this dataset again."
        )
    return labels["label"].tolist()

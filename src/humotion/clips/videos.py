"""The videos of a dataset that can be used for clips, and the reasons why others cannot."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
from tqdm import tqdm

from humotion.clips.input import Input
from humotion.clips.splits import is_official
from humotion.errors import HumotionError
from humotion.store.frames import FrameStore


class Usable(NamedTuple):
    """The videos that can be used for clips.

    Attributes:
        videos: their rows.
        people: by video id, the persons who get clips.
        left_out: the ids of the other videos, by reason.
    """

    videos: pd.DataFrame
    people: dict[str, list[int]]
    left_out: dict[str, list[str]]


def with_frames(videos: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """Return videos with what was really decoded: num_frames and status are those of the frame table."""
    decoded = frames[["video_id", "num_frames", "status"]]
    merged = videos.drop(columns=["status", "error"]).merge(decoded, on="video_id", how="left")
    return merged.assign(num_frames=merged["num_frames"].fillna(0), status=merged["status"].fillna("missing"))


def in_split(videos: pd.DataFrame, split: str) -> pd.DataFrame:
    """Return the videos that the official split uses, or all videos if the split is made here."""
    return videos[videos[split].notna()] if is_official(videos, split) else videos


def usable(videos: pd.DataFrame, shown: Input, store: FrameStore, smallest: int = 1) -> Usable:
    """Return the videos, from `with_frames`, with ``smallest`` frames, a label, and a person or scene to show.

    Raises:
        HumotionError: there are none.
    """
    readable = videos["status"].isin(["ok", "truncated", "damaged"]) & (videos["num_frames"] > 0)
    reasons = videos["status"].where(~readable, None).replace({"ok": "empty"})
    too_short = f"with fewer than {smallest} frames"
    reasons.loc[readable & (videos["num_frames"] < smallest)] = too_short
    reasons.loc[readable & videos["label"].isna()] = "no label"
    ids = videos.loc[readable, "video_id"]
    people = {id_: shown.people_in(store, id_) for id_ in tqdm(ids, desc="people", unit="video")}
    reasons.loc[ids.index[[not people[id_] for id_ in ids]]] = shown.NOBODY
    left_out = {str(reason): sorted(group["video_id"]) for reason, group in videos.groupby(reasons, dropna=True)}
    found = videos[reasons.isna()]
    if found.empty:
        listed = ", ".join(f"{len(ids)} {reason}" for reason, ids in left_out.items())
        hint = (
            ". The split is within videos, and each part of it needs clips of clips.num_frames. Set fewer, or "
            "clips.split: grouped, which keeps whole videos apart, if classes have several"
            if too_short in left_out
            else ""
        )
        raise HumotionError(f"No video of the dataset can be used: {listed}{hint}")
    return Usable(found, people, left_out)


def classes_of(videos: pd.DataFrame) -> list[str]:
    """Return every class of the dataset; a class's position in the list is its label_id.

    Raises:
        HumotionError: the class numbers are not consecutive from 0.
    """
    labels = videos.dropna(subset="label").drop_duplicates("label_id").sort_values("label_id")
    if labels["label_id"].tolist() != list(range(len(labels))):
        raise HumotionError(
            f"label_id must count the classes from 0, but it is {labels['label_id'].tolist()}. "
            "Run the index stage of this dataset again."
        )
    return labels["label"].tolist()

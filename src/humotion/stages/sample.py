"""Stage sample: choose an experiment's clips.

Reads ``prepared/<dataset>/{videos,frames}.parquet``, divides the readable videos into train,
validation and test, and writes which frames make each clip to ``clips/<experiment>/``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from humotion.clips.long_tail import thin_out
from humotion.clips.sampling import Sampled, consecutive_windows, uniform, whole_video
from humotion.clips.splits import SPLITS, check_classes, is_official, partition
from humotion.clips.table import build_clips, read_table, write_table
from humotion.errors import HumotionError
from humotion.files import atomic_folder, write_json
from humotion.params.document import AnyExperiment, Params
from humotion.params.tasks.action_recognition import ActionExperiment
from humotion.store.frames import FrameStore


def run(name: str, params: Params) -> None:
    """Write ``clips/<name>/{train,val,test}.parquet`` and ``meta.json``.

    Raises:
        HumotionError: no such experiment or split, no usable video, or splits that leak.
    """
    experiment = params.experiment(name)
    prepared = Path("prepared") / experiment.dataset
    store = FrameStore(prepared / "frames", prepared / "frames.parquet")
    videos = _with_frames(read_table(prepared / "videos.parquet"), read_table(prepared / "frames.parquet"))
    usable, left_out = _usable(_in_split(videos, experiment.clips.split), experiment, store)
    parts = partition(
        usable, experiment.clips.split, experiment.clips.validation_folds, experiment.clips.validation_fold
    )
    long_tail = None
    if isinstance(experiment, ActionExperiment):
        check_classes(parts.videos)
        if experiment.clips.long_tail is not None:
            parts.videos["train"], long_tail = thin_out(parts.videos["train"], experiment.clips.long_tail)
    clips = {split: build_clips(parts.videos[split], _sampler(experiment, split)) for split in SPLITS}
    with atomic_folder(Path("clips") / name) as folder:
        for split, table in clips.items():
            write_table(folder / f"{split}.parquet", table)
        meta = {
            "task": experiment.task,
            "dataset": experiment.dataset,
            "classes": _classes(videos),
            "skeleton": store.skeleton,
            "split": parts.facts,
            "long_tail": long_tail,
            "counts": {split: _counts(table) for split, table in clips.items()},
            "left_out": {"count": sum(map(len, left_out.values())), "video_ids": left_out},
        }
        write_json(folder / "meta.json", meta)


def _with_frames(videos: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """Videos with what was really decoded of them: num_frames and status come from the frame table."""
    decoded = frames[["video_id", "num_frames", "status"]]
    merged = videos.drop(columns=["status", "error"]).merge(decoded, on="video_id", how="left")
    return merged.assign(num_frames=merged["num_frames"].fillna(0), status=merged["status"].fillna("missing"))


def _in_split(videos: pd.DataFrame, split: str) -> pd.DataFrame:
    """The videos that the official split uses; all of them where the split is made here."""
    return videos[videos[split].notna()] if is_official(videos, split) else videos


def _usable(
    videos: pd.DataFrame, experiment: AnyExperiment, store: FrameStore
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """The videos that can make clips, and the ids of the others by reason."""
    readable = videos["status"].isin(["ok", "truncated"]) & (videos["num_frames"] > 0)
    reasons = videos["status"].where(~readable, None).replace({"ok": "empty", "truncated": "empty"})
    reasons.loc[readable & videos["label"].isna()] = "no label"
    if experiment.task == "pose_estimation":
        bar = tqdm(videos.index[readable], desc="joints", unit="video")
        unlabelled = [row for row in bar if store[videos.loc[row, "video_id"]].joints is None]
        reasons.loc[unlabelled] = "no joints"
    left_out = {str(reason): sorted(group["video_id"]) for reason, group in videos.groupby(reasons, dropna=True)}
    usable = videos[reasons.isna()]
    if usable.empty:
        raise HumotionError(
            f"No video of dataset {experiment.dataset!r} can be used for {experiment.task}: "
            + ", ".join(f"{len(ids)} {reason}" for reason, ids in left_out.items())
        )
    return usable, left_out


def _sampler(experiment: AnyExperiment, split: str) -> Callable[[int], list[Sampled]]:
    """From a number of frames to the clips of one video."""
    clips = experiment.clips
    if isinstance(experiment, ActionExperiment):
        return lambda num_frames: [uniform(num_frames, clips.num_frames)]
    if split == "train":
        return partial(consecutive_windows, length=clips.num_frames, stride=experiment.clips.stride)
    return lambda num_frames: [whole_video(num_frames)]


def _classes(videos: pd.DataFrame) -> list[str]:
    """Every class of the dataset, so that a name's place in the list is its label_id."""
    labels = videos.dropna(subset="label").drop_duplicates("label_id").sort_values("label_id")
    if labels["label_id"].tolist() != list(range(len(labels))):
        raise HumotionError(
            f"label_id must count the classes from 0, but is {labels['label_id'].tolist()}; "
            "run the index stage of this dataset again."
        )
    return labels["label"].tolist()


def _counts(clips: pd.DataFrame) -> dict[str, int]:
    return {
        "clips": len(clips),
        "videos": clips["video_id"].nunique(),
        "groups": clips["group"].nunique(),
        "padded_clips": int(clips["is_padding"].map(any).sum()),
    }

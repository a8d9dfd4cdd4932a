"""Stage sample: choose the clips of an experiment.

The stage reads ``prepared/<dataset>/{videos,frames}.parquet``, and divides the readable videos into training,
validation and test. It writes the frame indices of each clip to ``clips/<experiment>/``.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from humotion.clips.input import load_input
from humotion.clips.long_tail import thin_out
from humotion.clips.sampling import sampler
from humotion.clips.splits import SPLITS, check_classes, partition
from humotion.clips.table import build_clips, read_table, write_table
from humotion.clips.videos import classes_of, in_split, usable, with_frames
from humotion.files import atomic_folder, write_json
from humotion.params.document import Params
from humotion.params.experiment import UniformClipParams
from humotion.store.frames import FrameStore

_logger = logging.getLogger(__name__)


def run(name: str, params: Params) -> None:
    """Write ``clips/<name>/{train,val,test}.parquet`` and ``meta.json``.

    Raises:
        HumotionError: there is no such experiment or split, no usable video, or a video or group is in two splits.
    """
    experiment = params.experiment(name)
    settings = experiment.clips
    prepared = Path("prepared") / experiment.dataset
    store = FrameStore(prepared / "frames", prepared / "frames.parquet")
    videos = with_frames(read_table(prepared / "videos.parquet"), read_table(prepared / "frames.parquet"))
    found = usable(in_split(videos, settings.split), load_input(experiment.input), store)
    parts = partition(found.videos, settings.split, settings.validation_folds, settings.validation_fold)
    if experiment.learns_labels:
        check_classes(parts.videos)
    classes, trained = classes_of(videos), set(parts.videos["train"]["label"])
    untrained = [label for label in classes if label not in trained] if experiment.learns_labels else []
    if untrained:
        _logger.warning("No model of %s can learn these classes, which have no training video: %s", name, untrained)
    long_tail = None
    if isinstance(settings, UniformClipParams) and settings.long_tail is not None:
        parts.videos["train"], long_tail = thin_out(parts.videos["train"], settings.long_tail)
    clips = {split: build_clips(parts.videos[split], found.people, sampler(settings, split)) for split in SPLITS}
    meta: dict[str, Any] = {
        "task": experiment.task,
        "dataset": experiment.dataset,
        "classes": classes,
        "untrained_classes": untrained,
        "skeleton": None if store.skeleton is None else store.skeleton.as_dict(),
        "split": parts.facts,
        "long_tail": long_tail,
        "counts": {split: _counts(table) for split, table in clips.items()},
        "left_out": {"count": sum(map(len, found.left_out.values())), "video_ids": found.left_out},
    }
    with atomic_folder(Path("clips") / name) as folder:
        for split, table in clips.items():
            write_table(folder / f"{split}.parquet", table)
        write_json(folder / "meta.json", meta)


def _counts(clips: pd.DataFrame) -> dict[str, int]:
    return {
        "clips": len(clips),
        "videos": clips["video_id"].nunique(),
        "groups": clips["group"].nunique(),
        "padded_clips": int(clips["is_padding"].map(any).sum()),
    }

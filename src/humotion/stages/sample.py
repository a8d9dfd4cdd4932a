"""Stage sample: choose the clips of an experiment.

The stage reads ``prepared/<dataset>/{videos,frames}.parquet``, and divides the readable videos into training,
validation and test. It writes the frame indices of each clip to ``clips/<experiment>/``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from humotion.clips.input import load_input
from humotion.clips.long_tail import thin_out
from humotion.clips.notices import notices, untrained_classes, used_in_part
from humotion.clips.sampling import sampler
from humotion.clips.splits import SPLITS, check_classes, partition
from humotion.clips.table import build_clips, read_table, write_table
from humotion.clips.videos import classes_of, in_split, usable, with_frames
from humotion.clips.within import share_with_training, smallest_video
from humotion.files import atomic_folder, write_json
from humotion.params.document import Params
from humotion.params.experiment import WITHIN_VIDEOS, UniformClipParams
from humotion.store.frames import FrameStore
from humotion.store.layers import folder_of_layer


def run(name: str, params: Params) -> None:
    """Write ``clips/<name>/{train,val,test}.parquet`` and ``meta.json``, and print what was left out.

    Raises:
        HumotionError: there is no such experiment or split, no usable video, or a video or group is in two splits.
    """
    experiment = params.experiment(name)
    settings = experiment.clips
    prepared = Path("prepared") / experiment.dataset
    layer = folder_of_layer(experiment.dataset, experiment.layer)
    store = FrameStore(prepared / "frames", prepared / "frames.parquet", layer)
    videos = with_frames(read_table(prepared / "videos.parquet"), read_table(prepared / "frames.parquet"))
    in_use = in_split(videos, settings.split)
    shown = load_input(experiment.input)
    found = usable(in_use, shown, store, smallest_video(settings))
    parts = partition(found.videos, settings.split, settings.validation_folds, settings.validation_fold)
    if experiment.learns_labels:
        check_classes(parts.videos)
    long_tail = None
    if isinstance(settings, UniformClipParams) and settings.long_tail is not None:
        parts.videos["train"], long_tail = thin_out(parts.videos["train"], settings.long_tail)
    is_within = settings.split in WITHIN_VIDEOS
    clips = {
        split: build_clips(parts.videos[split], found.people, sampler(settings, split), is_within) for split in SPLITS
    }
    classes, skeleton = classes_of(videos), shown.skeleton_of_samples(store)
    meta: dict[str, Any] = {
        "task": experiment.task,
        "dataset": experiment.dataset,
        "classes": classes,
        "skeleton": None if skeleton is None else skeleton.as_dict(),
        "split": {**parts.facts, **({"test_clips_shared": share_with_training(clips)} if is_within else {})},
        "long_tail": long_tail,
        "counts": {split: _counts(table) for split, table in clips.items()},
        "left_out": {"count": sum(map(len, found.left_out.values())), "video_ids": found.left_out},
        "num_in_no_split": len(videos) - len(in_use),
        "used_in_part": used_in_part(parts.videos),
        "untrained_classes": untrained_classes(classes, parts.videos["train"]) if experiment.learns_labels else [],
    }
    with atomic_folder(Path("clips") / name) as folder:
        for split, table in clips.items():
            write_table(folder / f"{split}.parquet", table)
        write_json(folder / "meta.json", meta)
    print("\n".join(notices(name, meta)))


def _counts(clips: pd.DataFrame) -> dict[str, int]:
    return {
        "clips": len(clips),
        "videos": clips["video_id"].nunique(),
        "groups": clips["group"].nunique(),
        "padded_clips": int(clips["is_padding"].map(any).sum()),
    }

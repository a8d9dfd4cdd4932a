"""The layer ``labels``: what a dataset itself shipped.

Joints and boxes that belong to pictures are in the frame store, and then the layer is tiny. A dataset of landmarks
without pictures has its arrays here, as if a tool had found them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from humotion.datasets.shared.base import LabelError, Layout
from humotion.errors import HumotionError
from humotion.files import atomic_folder
from humotion.store.frames import FrameStore, shard_name
from humotion.store.layers import (
    LABELS,
    TABLE,
    TABLE_TYPES,
    AnnotatedVideo,
    Arrays,
    LayerFacts,
    folder_of_layer,
    write_facts,
    write_layer_shard,
)

VERSION = 1


def write_labels(dataset: str, store: FrameStore, layout: Layout, paths: Mapping[str, str]) -> Path:
    """Write ``layers/<dataset>/labels/``: the joint set, how many videos have joints and boxes, and own arrays.

    Args:
        dataset: its name.
        store: its frames.
        layout: its layout, which may have arrays of its own.
        paths: where each video lies below the root.

    Raises:
        HumotionError: a recording changed since it was drawn.
    """
    counts = {"videos": len(store), "videos_with_joints": 0, "videos_with_boxes": 0}
    for video_id in store:
        video = store[video_id]
        counts["videos_with_joints"] += video.joints is not None or layout.array_joints is not None
        counts["videos_with_boxes"] += video.boxes is not None
    place = folder_of_layer(dataset, LABELS)
    skeleton = layout.array_joints or store.skeleton
    with atomic_folder(place) as folder:
        write_facts(folder, LayerFacts(LABELS, VERSION, skeleton=skeleton, counts=counts))
        if layout.array_joints is not None and len(store):
            _write_arrays(folder, [_of_video(video_id, store, layout, paths[video_id]) for video_id in store])
    return place


def _of_video(video_id: str, store: FrameStore, layout: Layout, path: str) -> AnnotatedVideo:
    try:
        arrays = layout.own_arrays(layout.root / path)
    except (LabelError, OSError) as error:
        raise HumotionError(f"{path} changed while its dataset was extracted: {error}. Run the stage again.") from error
    assert arrays is not None
    num_frames = store[video_id].num_frames
    # What is drawn decides the number of frames: with on_damage, it may be fewer than the file has.
    return AnnotatedVideo(video_id, {name: np.asarray(array)[:, :num_frames] for name, array in arrays.items()})


def _write_arrays(folder: Path, videos: list[AnnotatedVideo]) -> None:
    write_layer_shard(folder / shard_name(0), videos, videos[0].arrays)
    rows = [{"video_id": video.video_id, "row": row, **_row(video.arrays)} for row, video in enumerate(videos)]
    pd.DataFrame(rows, columns=list(TABLE_TYPES)).astype(TABLE_TYPES).to_parquet(folder / TABLE, index=False)


def _row(arrays: Arrays) -> dict[str, object]:
    found = arrays["found"]
    digest = hashlib.sha256()
    for array in arrays.values():
        digest.update(np.ascontiguousarray(array).data)
    return {
        "shard": 0,
        "num_frames": found.shape[1],
        "num_persons": found.shape[0],
        "num_found": int(found.any(0).sum()),
        "status": "ok",
        "error": None,
        "digest": digest.hexdigest()[:32],
    }

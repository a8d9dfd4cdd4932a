"""Stored pictures of labelled people, with three joints each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import simplejpeg

from humotion.store.frames import PackedVideo, StoredVideo, write_shard
from humotion.store.skeleton import skeleton_of

SKELETON = skeleton_of("three", ("nose", "l_ankle", "r_ankle"), (("nose", "l_ankle"), ("nose", "r_ankle")), "labelled")


def stored(
    folder: Path,
    picture: npt.NDArray[np.uint8],
    joints: npt.NDArray[Any] | None = None,
    boxes: npt.NDArray[Any] | None = None,
    visibility: npt.NDArray[np.uint8] | None = None,
    annotation: Mapping[str, npt.NDArray[Any]] | None = None,
) -> StoredVideo:
    """A video of one picture (H, W, 3) in a frame store, with labels joints (P, 3, 2) and boxes (P, 4)."""
    jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(picture), quality=95)
    labels = {}
    if joints is not None and boxes is not None:
        flags = np.full(joints.shape[:2], 2, np.uint8) if visibility is None else visibility
        places = {"joints": joints[:, None].astype(np.float32), "boxes": boxes[:, None].astype(np.float32)}
        labels = {**places, "visibility": flags[:, None]}
    packed = PackedVideo("picture", picture.shape[1], picture.shape[0], None, [jpeg], **labels)
    path = folder / "shard-000.arrow"
    write_shard(path, [packed], SKELETON)
    record = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
    return StoredVideo(record, SKELETON, annotation)

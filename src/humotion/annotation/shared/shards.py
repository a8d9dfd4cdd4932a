"""Make the shards of a layer from a frame store: one for each of its shards, with the same videos in the same order."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import delayed
from tqdm import tqdm

from humotion.annotation.shared.contract import load_tool
from humotion.annotation.shared.given import DamagedFrameError, opened, stored
from humotion.errors import HumotionError
from humotion.files import atomic_path, read_json, write_json
from humotion.parallel import run_unordered
from humotion.params.layer import LayerParams
from humotion.params.machine import MachineParams
from humotion.store.frames import FrameStore, shard_name
from humotion.store.layers import (
    FACTS,
    TABLE,
    TABLE_TYPES,
    AnnotatedVideo,
    Arrays,
    folder_of_layer,
    write_layer_shard,
)
from humotion.store.skeleton import Skeleton
from humotion.work import digest_of, digest_of_file

_Parts = dict[int, list[str]]  # the videos of each shard, in the order of the frame store


@dataclass(frozen=True)
class Source:
    """Where the frames of a dataset, and the layer that a tool reads, are: paths for workers in any folder."""

    frames: Path
    table: Path
    layer: Path

    @classmethod
    def of_layer(cls, settings: LayerParams) -> Source:
        """The frames of ``prepared/<dataset>``, and the layer ``of``.

        Raises:
            HumotionError: they are not extracted, or the layer is not made.
        """
        prepared = (Path("prepared") / settings.dataset).resolve()
        read = folder_of_layer(settings.dataset, settings.of).resolve()
        source = cls(prepared / "frames", prepared / "frames.parquet", read)
        source.store()
        return source

    def store(self) -> FrameStore:
        """The frame store, whose videos have what the layer has of them."""
        return FrameStore(self.frames, self.table, self.layer)

    def skeleton(self) -> Skeleton | None:
        """The joint set of the layer, or else of the labels."""
        store = self.store()
        return (store.layer.skeleton if store.layer is not None else None) or store.skeleton

    def digest(self) -> str:
        """A digest of the frames and of everything that the layer says."""
        tables = [self.table, *(self.layer / name for name in (FACTS, TABLE))]
        return digest_of([digest_of_file(path) for path in tables if path.exists()])


def make_layer(source: Source, settings: LayerParams, folder: Path, work: Path, machine: MachineParams) -> pd.DataFrame:
    """Write the shards that ``folder`` does not have yet; return the table of all videos (`TABLE_TYPES`).

    Args:
        source: the frames.
        settings: the section of the layer.
        folder: for the shards.
        work: for the parts of the table, which show that a shard is complete.
        machine: how many workers; the bytes do not depend on it.
    """
    parts, absent = _parts(source)
    for place in (folder, work):
        place.mkdir(exist_ok=True)
    _remove_half_written(folder, work)
    todo = {shard: part for shard, part in parts.items() if not _part_path(work, shard).exists()}
    calls = (delayed(_make_shard)(shard, part, source, settings, folder, work) for shard, part in todo.items())
    num_frames, start = 0, time.perf_counter()
    total = sum(map(len, parts.values()))
    num_done = total - sum(map(len, todo.values()))
    with tqdm(total=total, initial=num_done, desc="annotate", unit="video") as progress:
        for num_videos, num_new in run_unordered(calls, machine):
            num_frames += num_new
            progress.set_postfix_str(f"{num_frames / (time.perf_counter() - start):.0f} frames/s")
            progress.update(num_videos)
    _remove_half_written(folder, work)
    rows = absent + [row for shard in parts for row in read_json(_part_path(work, shard))]
    return pd.DataFrame(rows, columns=list(TABLE_TYPES)).sort_values("video_id", ignore_index=True).astype(TABLE_TYPES)


def _parts(source: Source) -> tuple[_Parts, list[dict[str, Any]]]:
    """The videos with frames, by shard, and the rows of the others: the frame table says why they have none."""
    frames = pd.read_parquet(source.table, columns=["video_id", "shard", "row", "status", "error"])
    parts: _Parts = {}
    absent = []
    for video_id, shard, row, status, error in frames.sort_values(["shard", "row"]).itertuples(index=False, name=None):
        if row >= 0:
            parts.setdefault(int(shard), []).append(video_id)
        else:
            why = error if isinstance(error, str) else None
            absent.append({"shard": int(shard), **_row(video_id, -1, status, why)})
    return parts, absent


def _remove_half_written(*folders: Path) -> None:
    """Delete unfinished files of killed workers."""
    for leftover in (leftover for folder in folders for leftover in folder.glob(".*")):
        leftover.unlink()


def _part_path(work: Path, shard: int) -> Path:
    return work / f"shard-{shard:03d}.json"


def _make_shard(
    shard: int, videos: list[str], source: Source, settings: LayerParams, folder: Path, work: Path
) -> tuple[int, int]:
    """Write one shard and then its part of the table; return the numbers of videos and of frames."""
    if not folder.is_dir():
        raise HumotionError(
            f"A worker does not see {folder}: all workers of machine.cluster need this checkout under the same path, "
            "on a file system that they share."
        )
    rows: list[dict[str, Any]] = []
    with atomic_path(folder / shard_name(shard)) as temporary:
        like = load_tool(settings.tool).nobody(0)
        write_layer_shard(temporary, _annotated(videos, source, settings, rows), like)
    write_json(_part_path(work, shard), [{"shard": shard, **row} for row in rows])
    return len(videos), sum(row["num_frames"] for row in rows)


def _annotated(
    videos: list[str], source: Source, settings: LayerParams, rows: list[dict[str, Any]]
) -> Iterator[AnnotatedVideo]:
    """Annotate the videos one by one; append one row of the table per video to ``rows``."""
    store = source.store()
    error: str | None
    for row, video_id in enumerate(videos):
        video = stored(store, video_id)
        try:
            arrays, status, error = opened(settings)(video), "ok", None
        except DamagedFrameError as damage:
            arrays, status, error = load_tool(settings.tool).nobody(video.num_frames), "corrupt", str(damage)
        rows.append(_row(video_id, row, status, error, video.num_frames, arrays))
        yield AnnotatedVideo(video_id, arrays)


def _row(
    video_id: str, row: int, status: str, error: str | None, num_frames: int = 0, arrays: Arrays | None = None
) -> dict[str, Any]:
    found = np.zeros((0, 0), np.bool_) if arrays is None else arrays["found"]
    return {
        **{"video_id": video_id, "row": row, "num_frames": num_frames, "status": status, "error": error},
        **{"num_persons": len(found), "num_found": int(found.any(axis=0).sum())},
        "digest": None if arrays is None else digest_of_arrays(arrays),
    }


def digest_of_arrays(arrays: Arrays) -> str:
    """A hash of names, shapes and values."""
    content = hashlib.sha256()
    for name, array in arrays.items():
        content.update(f"{name} {array.dtype} {array.shape}".encode())
        content.update(np.ascontiguousarray(array).data)
    return content.hexdigest()[:32]

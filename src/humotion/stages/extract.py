"""Stage extract: decode every video once into the frame store.

Reads ``videos.parquet`` and the raw files, writes ``prepared/<dataset>/frames/`` (see
`humotion.video.store`) and ``frames.parquet``, the only source of real frame counts. Shards are
made in parallel in a work folder; a run that was cut off keeps the finished ones and goes on.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import delayed
from tqdm import tqdm

from humotion.data_params import DatasetParams
from humotion.datasets import open_dataset
from humotion.datasets.base import LabelError, Layout, PoseLabels
from humotion.errors import HumotionError
from humotion.files import atomic_path, move_into_place, read_json, write_json
from humotion.parallel import run_unordered
from humotion.params import MachineParams, Params
from humotion.video.decode import Device, decode_video, has_cuda
from humotion.video.images import decode_frames_folder
from humotion.video.pack import EncodedFrames, encode_frames, scale_points
from humotion.video.store import PackedVideo, shard_name, shard_of, write_shard
from humotion.work import digest_of, digest_of_code, digest_of_file, work_folder

_logger = logging.getLogger(__name__)
_TABLE = {
    **{"video_id": "str", "shard": "int32", "row": "int32", "num_frames": "int32"},
    **{"method": "str", "status": "str", "error": "str", "digest": "str"},
}
_Video = tuple[str, str, str, str]  # video_id, path, status, error: a row of the index


def run(dataset: str, params: Params) -> None:
    """Write ``prepared/<dataset>/frames/`` and ``frames.parquet``.

    The bytes written depend on the videos and on ``datasets.<dataset>`` alone, not on the number
    of workers. A video without frames is a row with row -1, 0 frames and its status.

    Raises:
        HumotionError: the dataset is not indexed, its root is gone, or the disk is full.
    """
    settings = params.dataset(dataset)
    layout = open_dataset(settings.layout, settings.root.resolve())  # workers of a cluster start elsewhere
    prepared = Path("prepared") / dataset
    index = prepared / "videos.parquet"
    if not index.exists():
        raise HumotionError(f"{index} does not exist: run the index stage of {dataset!r} first.")
    digest = digest_of([settings.model_dump(), digest_of_file(index), _state(layout.root), digest_of_code()])
    work = work_folder("extract", digest)
    try:
        table = _make_shards(pd.read_parquet(index), layout, settings, work, params.machine)
        _tell_what_the_gpu_left(table, settings.decode.device)
        with atomic_path(prepared / "frames.parquet") as temporary:
            table.to_parquet(temporary, index=False)
        move_into_place(work / "frames", prepared / "frames")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise HumotionError(
            f"The disk is full: frames of {dataset!r} go to {work}, then to {prepared}. Free some space "
            "and run the stage again; finished shards are kept and used."
        ) from error
    shutil.rmtree(work)


def _tell_what_the_gpu_left(frames: pd.DataFrame, device: Device) -> None:
    """Say once, after all workers, how many videos were read on the CPU although the GPU was asked for."""
    videos = frames[~frames["method"].isin(["images", "copy"]) & frames["method"].notna()]
    num_left = int((~videos["method"].str.startswith("torchcodec-cuda")).sum())
    if device == "cuda" and num_left:
        reason = "it does not decode them" if has_cuda() else "torch sees no GPU"
        _logger.warning(
            "decode.device is cuda, but %d of %d videos were read on the CPU (%s); "
            "`method` in frames.parquet tells which",
            *(num_left, len(videos), reason),
        )


def _state(root: Path) -> list[tuple[str, int, int]]:
    """Path, size and change time of every file of a dataset, to tell whether old work still fits."""
    files = (Path(folder, name) for folder, _, names in os.walk(root) for name in names)
    found = [(path.relative_to(root).as_posix(), path.stat()) for path in files if path.exists()]
    return sorted((path, state.st_size, state.st_mtime_ns) for path, state in found)


def _make_shards(
    videos: pd.DataFrame, layout: Layout, settings: DatasetParams, work: Path, machine: MachineParams
) -> pd.DataFrame:
    """Make the shards that ``work`` does not have yet; return the frame table of all."""
    num_shards = settings.frames.shards
    parts: dict[int, list[_Video]] = {shard: [] for shard in range(num_shards)}
    columns = videos.sort_values("video_id")[["video_id", "path", "status", "error"]]
    for video in columns.itertuples(index=False, name=None):
        parts[shard_of(video[0], num_shards)].append(video)
    for folder in (work / "frames", work / "tables"):
        folder.mkdir(exist_ok=True)
    _remove_half_written(work)
    todo = {shard: part for shard, part in parts.items() if not _table_path(work, shard).exists()}
    calls = (delayed(_make_shard)(shard, part, layout, settings, work) for shard, part in todo.items())
    num_done = len(videos) - sum(map(len, todo.values()))
    num_frames, start = 0, time.perf_counter()
    with tqdm(total=len(videos), initial=num_done, desc="extract", unit="video") as progress:
        for num_videos, num_new in run_unordered(calls, machine):
            num_frames += num_new
            progress.set_postfix_str(f"{num_frames / (time.perf_counter() - start):.0f} frames/s")
            progress.update(num_videos)
    _remove_half_written(work)
    rows = [row for shard in parts for row in read_json(_table_path(work, shard))]
    return pd.DataFrame(rows, columns=list(_TABLE)).sort_values("video_id", ignore_index=True).astype(_TABLE)


def _remove_half_written(work: Path) -> None:
    """Delete what a killed worker left behind, of an earlier run or of this one."""
    for leftover in work.glob("*/.*"):
        leftover.unlink()


def _table_path(work: Path, shard: int) -> Path:
    return work / "tables" / f"shard-{shard:03d}.json"


def _make_shard(
    shard: int, videos: list[_Video], layout: Layout, settings: DatasetParams, work: Path
) -> tuple[int, int]:
    """Write one shard and then its part of the frame table, whose presence says that it is whole.

    Returns the numbers of videos and of frames.
    """
    for folder in (layout.root, work / "frames"):
        if not folder.is_dir():
            raise HumotionError(
                f"A worker on {socket.gethostname()} does not see {folder}: all workers of machine.cluster need "
                "the dataset and this checkout under the same paths, on a file system that they share."
            )
    rows: list[dict[str, Any]] = []
    skeleton = layout.skeleton.name if layout.skeleton else None
    with atomic_path(work / "frames" / shard_name(shard)) as temporary:
        write_shard(temporary, _pack(videos, layout, settings, rows), skeleton)
    write_json(_table_path(work, shard), [{"shard": shard, **row} for row in rows])
    return len(videos), sum(row["num_frames"] for row in rows)


def _pack(
    videos: list[_Video], layout: Layout, settings: DatasetParams, rows: list[dict[str, Any]]
) -> Iterator[PackedVideo]:
    """Read the videos one by one; append a row of the frame table for each to ``rows``."""
    num_packed = 0
    for video_id, path, status, error in videos:
        video, row = None, {"method": None, "status": status, "error": error, "num_frames": 0}
        if status == "ok":
            video, row = _read(video_id, layout, layout.root / path, settings)
        place = {"row": num_packed, "digest": video.digest()} if video else {"row": -1, "digest": None}
        rows.append({"video_id": video_id, **place, **row})
        if video:
            num_packed += 1
            yield video


def _read(
    video_id: str, layout: Layout, path: Path, settings: DatasetParams
) -> tuple[PackedVideo | None, dict[str, Any]]:
    """Decode one video with its labels; None if no frame of it can be used."""
    decoded = decode_frames_folder(path) if path.is_dir() else decode_video(path, settings.decode.device)
    encoded = encode_frames(decoded, settings.frames.short_side, settings.frames.jpeg_quality)
    row = {"method": encoded.method, "status": decoded.status, "error": decoded.error}
    try:
        labels = layout.pose(video_id)
    except LabelError as error:
        return None, {**row, "status": "corrupt", "error": str(error), "num_frames": 0}
    num_frames = len(encoded.jpegs)
    if labels and 0 < num_frames < len(labels.joints) and decoded.status == "ok":
        row |= {"status": "truncated", "error": f"{num_frames} frames for {len(labels.joints)} labelled ones"}
    fps = decoded.fps or layout.fps(video_id)
    video = _packed(video_id, encoded, fps, labels) if num_frames else None
    return video, {**row, "num_frames": num_frames}


def _packed(video_id: str, frames: EncodedFrames, fps: float | None, labels: PoseLabels | None) -> PackedVideo:
    video = (video_id, frames.width, frames.height, fps, frames.jpegs)
    if labels is None:
        return PackedVideo(*video)
    fitted = labels.fit_to(len(frames.jpegs))
    joints = scale_points(fitted.joints, frames.scale)
    return PackedVideo(*video, joints, fitted.visibility, scale_points(fitted.boxes, frames.scale))

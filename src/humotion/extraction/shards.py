"""Make the shards of the frame store from raw videos."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import delayed
from tqdm import tqdm

from humotion.datasets.shared.base import LabelError, Layout, PoseLabels
from humotion.errors import HumotionError
from humotion.extraction.pack import EncodedFrames, encode_frames, scale_points
from humotion.files import atomic_path, read_json, write_json
from humotion.parallel import run_unordered
from humotion.params.dataset import DatasetParams
from humotion.params.machine import MachineParams
from humotion.store.frames import PackedVideo, shard_name, shard_of, write_shard
from humotion.video.decode import Decoded, decode_video
from humotion.video.images import decode_frames_folder
from humotion.video.listing import failure

_TABLE = {
    **{"video_id": "str", "shard": "int32", "row": "int32", "num_frames": "int32"},
    **{"method": "str", "status": "str", "error": "str", "digest": "str"},
}

_PARTLY_READ = ("truncated", "damaged")  # the states of videos of which the first frames are whole
_Video = tuple[str, str, str, str]  # video_id, path, status, error: a row of the index


def state_of(root: Path) -> list[tuple[str, int, int]]:
    """Path, size and change time of every file of a dataset, to check whether old work still matches it."""
    files = (Path(folder, name) for folder, _, names in os.walk(root) for name in names)
    found = []
    for path in files:
        with suppress(OSError):  # it vanished, or a link is broken: its video gets a status
            state = path.stat()
            found.append((os.fsencode(path.relative_to(root)).hex(), state.st_size, state.st_mtime_ns))
    return sorted(found)


def make_shards(
    videos: pd.DataFrame, layout: Layout, settings: DatasetParams, work: Path, machine: MachineParams
) -> pd.DataFrame:
    """Make the shards that ``work`` does not have yet; return the frame table of all shards."""
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
    """Delete unfinished files of killed workers, from an earlier run or from this one."""
    for leftover in work.glob("*/.*"):
        leftover.unlink()


def _table_path(work: Path, shard: int) -> Path:
    return work / "tables" / f"shard-{shard:03d}.json"


def _make_shard(
    shard: int, videos: list[_Video], layout: Layout, settings: DatasetParams, work: Path
) -> tuple[int, int]:
    """Write one shard and then its part of the frame table, which shows that the shard is complete.

    Returns the numbers of videos and of frames.
    """
    for folder in (layout.root, work / "frames"):
        if not folder.is_dir():
            raise HumotionError(
                f"A worker on {socket.gethostname()} does not see {folder}: all workers of machine.cluster need "
                "the dataset and this checkout under the same paths, on a file system that they share."
            )
    rows: list[dict[str, Any]] = []
    with atomic_path(work / "frames" / shard_name(shard)) as temporary:
        write_shard(temporary, _pack(videos, layout, settings, rows), layout.skeleton)
    write_json(_table_path(work, shard), [{"shard": shard, **row} for row in rows])
    return len(videos), sum(row["num_frames"] for row in rows)


def _pack(
    videos: list[_Video], layout: Layout, settings: DatasetParams, rows: list[dict[str, Any]]
) -> Iterator[PackedVideo]:
    """Read the videos one by one; append one row of the frame table per video to ``rows``."""
    num_packed = 0
    for video_id, path, status, error in videos:
        video, row = None, {"method": None, "status": status, "error": error, "num_frames": 0}
        if status in ("ok", *_PARTLY_READ):
            video, row = _read(video_id, layout, layout.root / path, settings)
        place = {"row": num_packed, "digest": video.digest()} if video else {"row": -1, "digest": None}
        rows.append({"video_id": video_id, **place, **row})
        if video:
            num_packed += 1
            yield video


def _read(
    video_id: str, layout: Layout, path: Path, settings: DatasetParams
) -> tuple[PackedVideo | None, dict[str, Any]]:
    """Decode one video with its labels; None if none of its frames can be used."""
    decoded = layout.own_frames(path) or _opened(path, layout, settings)
    try:
        encoded = encode_frames(decoded, settings.frames.short_side, settings.frames.jpeg_quality)
    except OSError as error:  # since it was indexed, it vanished or lost its permission
        status = "missing" if isinstance(error, FileNotFoundError) else "corrupt"
        return None, {"method": None, "status": status, "error": failure(error), "num_frames": 0}
    row = {"method": encoded.method, "status": decoded.status, "error": decoded.said}
    try:
        labels = layout.checked_pose(video_id)
    except LabelError as error:
        return None, {**row, "status": "corrupt", "error": str(error), "num_frames": 0}
    num_frames = len(encoded.jpegs)
    if labels and 0 < num_frames < labels.num_frames and decoded.status == "ok":
        row |= {"status": "truncated", "error": f"{num_frames} frames, but {labels.num_frames} labelled frames"}
    if labels and num_frames > labels.num_frames:
        behind = f"{num_frames} frames, but {labels.num_frames} labelled frames: those behind have no known joints"
        row["error"] = "; ".join(filter(None, [row["error"], behind]))
    if row["status"] in _PARTLY_READ and settings.on_damage == "drop":
        dropped = f"{row['error']}; its {num_frames} frames are dropped, because on_damage is drop"
        return None, {**row, "error": dropped, "num_frames": 0}
    fps = decoded.fps or layout.fps(video_id)
    video = _packed(video_id, encoded, fps, labels) if num_frames else None
    return video, {**row, "num_frames": num_frames}


def _opened(path: Path, layout: Layout, settings: DatasetParams) -> Decoded:
    if os.path.isdir(path):  # noqa: PTH112 (unlike Path.is_dir, it never raises)
        return decode_frames_folder(path, layout.first_frame)
    return decode_video(path, settings.decode.device)


def _packed(video_id: str, frames: EncodedFrames, fps: float | None, labels: PoseLabels | None) -> PackedVideo:
    video = (video_id, frames.width, frames.height, fps, frames.jpegs)
    if labels is None:
        return PackedVideo(*video)
    fitted = labels.fit_to(len(frames.jpegs))
    joints = fitted.joints.copy()
    joints[..., :2] = scale_points(joints[..., :2], frames.scale)  # a depth is not in pixels
    return PackedVideo(*video, joints, fitted.visibility, scale_points(fitted.boxes, frames.scale))

"""Small prepared datasets with a real frame store, and params to go with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import simplejpeg

from humotion.datasets.penn_action import SKELETON
from humotion.files import write_json
from humotion.params.document import Params
from humotion.store.frames import PackedVideo, shard_of, write_shard
from humotion.store.layers import LayerFacts, folder_of_layer, write_facts
from humotion.store.skeleton import Skeleton

WIDTH, HEIGHT = 64, 48
NUM_SHARDS = 2


def make_video(video_id: str, num_frames: int, seed: int, joints: bool) -> PackedVideo:
    """Smooth coloured noise, so that JPEG keeps it; joints inside a box that wanders to the right."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (num_frames, 6, 8, 3), np.uint8)
    frames = coarse.repeat(8, axis=1).repeat(8, axis=2)  # (T, 48, 64, 3)
    jpegs = [simplejpeg.encode_jpeg(np.ascontiguousarray(frame), quality=95) for frame in frames]
    if not joints:
        return PackedVideo(video_id, WIDTH, HEIGHT, 25.0, jpegs)
    left = 10 + np.arange(num_frames, dtype=np.float32)
    boxes = np.stack([left, np.full_like(left, 8), left + 20, np.full_like(left, 40)], axis=1)
    spread = random.uniform(0, 1, (13, 2)).astype(np.float32)
    places = boxes[:, None, :2] + spread * (boxes[:, None, 2:] - boxes[:, None, :2])
    visibility = np.full((num_frames, 13), 2, np.uint8)
    return PackedVideo(video_id, WIDTH, HEIGHT, 25.0, jpegs, places[None], visibility[None], boxes[None])


def write_prepared(root: Path, videos: list[PackedVideo], table: pd.DataFrame, skeleton: Skeleton | None) -> None:
    """Write ``root``/{videos,frames}.parquet, index.json and ``root``/frames as the index and extract stages do."""
    (root / "frames").mkdir(parents=True)
    rows: list[dict[str, Any]] = []
    for shard in range(NUM_SHARDS):
        mine = [video for video in videos if shard_of(video.video_id, NUM_SHARDS) == shard]
        write_shard(root / "frames" / f"shard-{shard:03d}.arrow", mine, skeleton)
        for row, video in enumerate(mine):
            rows.append(_frames_row(video.video_id, shard, row, len(video.jpegs), "ok"))
    stored = {row["video_id"] for row in rows}
    rows += [_frames_row(id_, -1, -1, 0, "corrupt") for id_ in table["video_id"] if id_ not in stored]
    pd.DataFrame(rows).sort_values("video_id").to_parquet(root / "frames.parquet")
    table.to_parquet(root / "videos.parquet")
    facts = {"layout": "folder", "footage": "The videos are squares.", "terms": "made by the tests"}
    write_json(root / "index.json", facts)
    labels = root.parent.parent / folder_of_layer(root.name, "labels")
    labels.mkdir(parents=True, exist_ok=True)
    write_facts(labels, LayerFacts("labels", 1, skeleton=skeleton))


def write_footage(
    root: Path, content: Mapping[str, npt.NDArray[np.uint8]], damaged: tuple[str, int], without_frames: str
) -> None:
    """Write a checkout whose dataset ``tiny`` has these frames (T, H, W, 3) by video, without labels.

    Args:
        root: of the checkout.
        content: frames by video.
        damaged: a video and the number of its frame that is no JPEG.
        without_frames: a video that is in the table alone.
    """
    videos = []
    for name, frames in content.items():
        jpegs = [simplejpeg.encode_jpeg(np.ascontiguousarray(frame), quality=95) for frame in frames]
        if name == damaged[0]:
            jpegs[damaged[1]] = b"\xff\xd8 no picture"
        videos.append(PackedVideo(name, frames.shape[2], frames.shape[1], 25.0, jpegs))
    table = make_table([(name, "walk", "train", name) for name in [*content, without_frames]], ["walk"])
    write_prepared(root / "prepared" / "tiny", videos, table, None)
    for file in ("dvc.yaml", "params.yaml"):
        (root / file).write_text("{}\n")


def _frames_row(video_id: str, shard: int, row: int, num_frames: int, status: str) -> dict[str, Any]:
    return {
        "video_id": video_id,
        "shard": shard,
        "row": row,
        "num_frames": num_frames,
        "method": "test",
        "status": status,
        "error": None,
    }


def make_table(rows: list[tuple[str, str, str | None, str]], classes: list[str]) -> pd.DataFrame:
    """videos.parquet from rows of (video_id, label, split, group)."""
    table = pd.DataFrame(rows, columns=["video_id", "label", "split_1", "group"])
    return table.assign(
        path=table["video_id"] + ".avi",
        label_id=table["label"].map(classes.index),
        fps=25.0,
        width=WIDTH,
        height=HEIGHT,
        num_frames_probed=1,
        status="ok",
        error=None,
    )


CLASSES = ["jump", "walk"]
ACTION_POLICY = [
    {"name": "RandomResizedCrop", "scale": [0.6, 1.0], "ratio": [0.75, 1.33]},
    {"name": "HorizontalFlip", "p": 0.5},
    {"name": "RandomBrightnessContrast", "p": 0.5},
]
POSE_POLICY = [
    {"name": "Affine", "scale": [0.8, 1.2], "keep_ratio": True, "rotate": [-30, 30], "fill": 128, "p": 1.0},
    {"name": "HorizontalFlip", "p": 0.5},
]


def make_params(workers: int = 0, replicas: int = 1, balance: str = "none") -> Params:
    """An action and a pose experiment on the dataset ``tiny``."""
    recipe = {"optimizer": {"lr": 0.001}, "trainer": {"epochs": 2, "batch_size": 4}, "dataset": "tiny"}
    augment = {"size": 32, "replicas": replicas, "balance": balance}
    action = {
        **recipe,
        "task": "action_recognition",
        "layer": "labels",
        "input": "whole_frames",
        "clips": {"num_frames": 4, "validation_folds": 3},
        "augment": {**augment, "policy": ACTION_POLICY},
        "model": {"family": "vit", "name": "ls_vit"},
    }
    pose = {
        **recipe,
        "task": "pose_estimation",
        "layer": "labels",
        "input": "person_crops",
        "clips": {"num_frames": 5, "stride": 5, "validation_folds": 3},
        "augment": {**augment, "policy": POSE_POLICY},
        "model": {"family": "pose_machine", "name": "lstm_pm"},
    }
    return Params.model_validate(
        {
            "datasets": {"tiny": {"layout": "penn_action", "root": "data/tiny"}},
            "experiments": {"action": action, "pose": pose},
            "machine": {"workers": workers},
        }
    )


def write_small_dataset(folder: Path) -> None:
    """Write ``prepared/tiny`` below ``folder``: 14 pose videos of 2 classes, 1 without joints, 1 corrupt."""
    videos, rows = [], []
    for number in range(14):
        video_id = f"v{number:02d}"
        label = "walk" if number % 7 < 5 else "jump"  # 10 walk, 4 jump
        rows.append((video_id, label, "test" if number % 7 in (4, 6) else "train", f"film{number // 2}"))
        videos.append(make_video(video_id, 3 + number, seed=number, joints=True))
    videos.append(make_video("plain", 9, seed=99, joints=False))
    rows += [("plain", "walk", "train", "film90"), ("broken", "walk", "train", "film91")]
    rows += [("unused", "walk", None, "film92")]  # and not stored either
    write_prepared(folder / "prepared" / "tiny", videos, make_table(rows, CLASSES), SKELETON)

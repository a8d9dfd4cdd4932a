"""A prepared dataset of twelve short videos of two classes, with raw files and joints, and two tiny experiments on it.

A red square means ``jump``, a blue one ``walk``; the joints stand on the square, which moves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg

from humotion.datasets.penn_action import SKELETON
from humotion.params.document import Params
from humotion.store.frames import PackedVideo
from tests.support.prepared import CLASSES, HEIGHT, WIDTH, make_table, write_prepared
from tests.support.trees import write_video

COLOURS = {"jump": (230, 40, 40), "walk": (40, 40, 230)}
SIDE = 24


def make_video(video_id: str, label: str, num_frames: int, seed: int) -> PackedVideo:
    random = np.random.default_rng(seed)
    left = random.integers(2, WIDTH - SIDE - num_frames - 2) + np.arange(num_frames)
    top = int(random.integers(2, HEIGHT - SIDE - 2))
    frames = np.full((num_frames, HEIGHT, WIDTH, 3), 110, np.uint8)
    for frame, x in zip(frames, left, strict=True):
        frame[top : top + SIDE, x : x + SIDE] = COLOURS[label]
    jpegs = [simplejpeg.encode_jpeg(frame, quality=95) for frame in frames]
    corner = np.stack([left, np.full_like(left, top)], axis=1).astype(np.float32)  # (T, 2)
    boxes = np.concatenate([corner, corner + SIDE - 1], axis=1)
    places = np.stack([np.linspace(0, SIDE - 1, 13), np.linspace(0, SIDE - 1, 13) ** 2 / SIDE], axis=1)
    joints = (corner[:, None] + places).astype(np.float32)
    visibility = np.full((num_frames, 13), 2, np.uint8)
    return PackedVideo(video_id, WIDTH, HEIGHT, 25.0, jpegs, joints[None], visibility[None], boxes[None])


def build_project(folder: Path) -> Path:
    """``prepared/tiny``, ``data/tiny`` and empty pipeline files in a new ``folder``."""
    videos, rows = [], []
    for number in range(12):
        video_id, label = f"v{number:02d}", CLASSES[number % 2]
        rows.append((video_id, label, "test" if number >= 8 else "train", f"film{number // 2 * 2 + number % 2}"))
        videos.append(make_video(video_id, label, 4 + number % 3, seed=number))
        write_video(folder / "data" / "tiny" / f"{video_id}.avi", num_frames=4)
    write_prepared(folder / "prepared" / "tiny", videos, make_table(rows, CLASSES), SKELETON)
    for name in ("dvc.yaml", "params.yaml"):
        (folder / name).write_text("{}\n")
    return folder


def tiny_params(epochs: int = 2, only: str | None = None, **changes: Any) -> Params:
    """Experiments ``action`` and ``pose``, or ``only`` one, on dataset ``tiny``; ``changes`` replace their sections."""
    return Params.model_validate(tiny_settings(epochs, only, **changes))


def tiny_settings(epochs: int = 2, only: str | None = None, **changes: Any) -> dict[str, Any]:
    """The same as params.yaml has it."""
    common: dict[str, Any] = {
        "dataset": "tiny",
        "seed": 3,
        "optimizer": {"lr": 0.003, "weight_decay": 0.01, "warmup_epochs": 1},
        "trainer": {"epochs": epochs, "batch_size": 3, "gradient_clip": 10.0},
        "evaluate": {"overlays": 1, "bootstrap": 100},
        **changes,
    }
    flip = {"name": "HorizontalFlip", "p": 0.5}
    action = {
        **common,
        "task": "action_recognition",
        "layer": "labels",
        "input": "whole_frames",
        "clips": {"num_frames": 3, "validation_folds": 2},
        "augment": {"size": 32, "policy": [flip]},
        "model": {
            "family": "vit",
            "name": "ls_vit",
            "patch_size": 16,
            "dim": 16,
            "depth": 1,
            "heads": 2,
            "drop_path": 0.1,
        },
    }
    pose = {
        **common,
        "task": "pose_estimation",
        "layer": "labels",
        "input": "person_crops",
        "clips": {"num_frames": 3, "stride": 3, "validation_folds": 2},
        "augment": {"size": 32, "policy": [flip]},
        "model": {"family": "pose_machine", "name": "lstm_pm", "width": 0.06, "dropout": 0.1, "init": "he"},
    }
    experiments = {"action": action, "pose": pose}
    return {
        "datasets": {"tiny": {"layout": "folder", "root": "data/tiny"}},
        "layers": {},
        "fusions": {},
        "experiments": {only: experiments[only]} if only else experiments,
        "machine": {"workers": 0, "accelerator": "cpu", "devices": 1},
    }

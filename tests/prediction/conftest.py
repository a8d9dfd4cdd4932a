"""Model folders of untrained models that know how long their clips were and when to say none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from humotion.files import read_json, write_json
from humotion.store.blazepose import SKELETON
from humotion.training.task import task_class
from tests.support.tiny_models import OPTIMIZER, make_task, write_model_folder

FOOTAGE = {"num_frames": 7, "fps": 15.0, "short_side": 32}
SURE: dict[str, Any] = {
    **{"temperature": 1.0, "threshold": 0.0, "wanted": 0.9, "coverage": 1.0, "accuracy": 0.95},
    **{"num_clips": 20, "num_groups": 5},
}
GRU = {
    **{"family": "gru", "name": "bigru", "num_classes": 2, "num_joints": 13, "dimensions": 2},
    **{"num_frames": 8, "width": 4, "depth": 1, "dropout": 0.0},
}


def described(folder: Path, **changes: Any) -> Path:
    """The model folder with other entries of its description; those of a mapping are merged."""
    description = read_json(folder / "model.json")
    for name, value in changes.items():
        merges = isinstance(value, dict) and value and description[name]
        description[name] = {**description[name], **value} if merges else value
    write_json(folder / "model.json", description)
    return folder


@pytest.fixture
def of_frames(tmp_path: Path) -> Path:
    """A model of whole frames."""
    folder = write_model_folder(tmp_path / "frames", make_task("action_recognition"), "action_recognition")
    return described(folder, experiment="frames", abstention=SURE, footage=FOOTAGE)


@pytest.fixture
def of_landmarks(tmp_path: Path) -> Path:
    """A model of recordings of landmarks."""
    torch.manual_seed(0)
    task = task_class("action_recognition")(GRU, OPTIMIZER)
    folder = write_model_folder(tmp_path / "landmarks", task, "action_recognition")
    shown = {"input": "landmarks", "joints": "body", "values": "xy", "balance": "none", "replicas": 1}
    return described(
        folder,
        experiment="landmarks",
        meta={"skeleton": SKELETON.as_dict()},
        preprocessing={**shown, "size": 32, "sampling": "windows", "num_frames": 5},
        footage={"num_frames": 5, "fps": None, "short_side": 240},
        abstention=SURE,
    )


@pytest.fixture
def lines() -> list[str]:
    """What was said."""
    return []

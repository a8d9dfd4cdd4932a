"""Model folders of every registered model, at a small size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from humotion.datasets.penn_action import SKELETON
from humotion.params.document import task_of
from humotion.training.description import ModelDescription
from humotion.training.model_folder import save_model_folder
from humotion.training.task import task_class
from tests.models.test_every_model import ENTRIES, small_model, small_sizes

CLASSES = ["jump", "run", "walk"]


def preprocessing_for(reads: tuple[str, ...], family: str) -> dict[str, Any]:
    if family == "pose_machine":
        return {"input": "person_crops", "size": 64, "num_frames": 3, "person_scale": 1.25, "sampling": "consecutive"}
    if reads == ("crops",):
        return {"input": "person_crops", "size": 64, "num_frames": 1, "person_scale": 1.25, "sampling": "uniform"}
    if reads == ("pictures",):
        return {"input": "whole_pictures", "size": 64, "num_frames": 1, "sampling": "uniform"}
    if reads == ("frames",):
        return {"input": "whole_frames", "size": 32, "num_frames": 4, "sampling": "uniform"}
    name = "joint_features" if "frame" in reads else "landmarks"
    return {"input": name, "size": 32, "num_frames": 4, "sampling": "windows", "values": "xy", "joints": "all"}


def folder_of(folder: Path, name: str, official: str, **sizes: Any) -> Path:
    """The model folder of a small model with weights that all take part."""
    family, _ = ENTRIES[name]
    model = small_model(name, official, **sizes)
    architecture = {"family": family, "name": name, **small_sizes(name, official), **sizes}
    task = task_class(task_of(name))(architecture)
    task.model.load_state_dict(model.state_dict())
    head = getattr(task.model, "head", None)
    if isinstance(head, nn.Linear):
        with torch.no_grad():
            head.weight.mul_(0.1)  # so that no probability is 0 or 1, which would hide differences
    description = ModelDescription(
        experiment=name,
        dataset="sample",
        task=task_of(name),
        architecture=task.architecture,
        meta={"classes": CLASSES, "skeleton": SKELETON.as_dict()},
        preprocessing=preprocessing_for(getattr(model, "reads", ("frames",)), family),
        run_id="0" * 32,
        data_md5={},
        validation={},
    )
    checkpoint = folder.with_suffix(".ckpt")
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.touch()
    save_model_folder(folder, task, description, checkpoint, pd.DataFrame({"clip_id": ["a"]}))
    return folder

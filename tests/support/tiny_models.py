"""Untrained models of a few thousand weights, and model folders of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch

from humotion.datasets.penn_action import SKELETON
from humotion.params.experiment import OptimizerParams
from humotion.training.description import ModelDescription
from humotion.training.model_folder import save_model_folder
from humotion.training.task import Task, task_class

OPTIMIZER = OptimizerParams(lr=0.01, weight_decay=0.0)
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "action_recognition": {
        "family": "vit",
        "name": "ls_vit",
        "patch_size": 16,
        "dim": 16,
        "depth": 1,
        "heads": 2,
        "num_classes": 2,
        "image_size": 32,
        "num_frames": 4,
    },
    "pose_estimation": {
        "family": "pose_machine",
        "name": "lstm_pm",
        "width": 0.05,
        "dropout": 0.0,
        "init": "he",
        "num_joints": 13,
        "input_size": 32,
    },
}
META = {
    "action_recognition": {"classes": ["jump", "walk"], "skeleton": None},
    "pose_estimation": {"classes": ["jump", "walk"], "skeleton": SKELETON.as_dict()},
}
PREPROCESSING: dict[str, dict[str, Any]] = {
    "action_recognition": {"input": "whole_frames", "size": 32, "num_frames": 4},
    "pose_estimation": {"input": "person_crops", "size": 32, "num_frames": 5, "person_scale": 1.25},
}


def make_task(kind: str, seed: int = 0) -> Task:
    torch.manual_seed(seed)
    return task_class(kind)(ARCHITECTURES[kind], OPTIMIZER)


def write_model_folder(folder: Path, task: Task, kind: str, run_id: str = "0" * 32) -> Path:
    """A model folder as the train stage writes it; the checkpoint is a stand-in."""
    description = ModelDescription(
        experiment="tiny",
        dataset="sample",
        task=kind,
        architecture=task.architecture,
        meta={**META[kind], "split": {"name": "split_1"}},
        preprocessing=PREPROCESSING[kind],
        run_id=run_id,
        data_md5={"plan": "1" * 32},
        validation={"top1": 0.5},
        outputs=list(task.output_columns),
    )
    checkpoint = folder.with_suffix(".ckpt")
    torch.save({"state_dict": task.state_dict()}, checkpoint)
    validation = pd.DataFrame({"clip_id": ["a"], "group": ["film"], "score": [1.0], "weight": [1.0]})
    save_model_folder(folder, task, description, checkpoint, validation)
    checkpoint.unlink()
    return folder

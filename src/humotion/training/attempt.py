"""An attempt at a training: its inputs, the folder of its unfinished work, and its metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from humotion.models.common.hub import checkpoint_file
from humotion.params.document import AnyExperiment
from humotion.training.description import input_files, training_settings
from humotion.training.fit import FitResult
from humotion.work import digest_of, digest_of_code, digest_of_file, work_folder


def unfinished_work(experiment: AnyExperiment, data_md5: dict[str, str]) -> Path:
    """Return the folder of an attempt with these settings, these inputs and this code."""
    settings = training_settings(experiment)
    code = digest_of_code("train", chosen=settings)
    return work_folder("train", digest_of({"settings": settings, "inputs": data_md5, "code": code}))


def input_md5(name: str, experiment: AnyExperiment) -> dict[str, str]:
    """Return the md5 of everything that a training reads; ``frames.parquet`` has a digest of every video's frames."""
    inputs = input_files(name, experiment.dataset)
    if (weights := experiment.model.weights) is not None:
        inputs["weights"] = checkpoint_file(weights)
    return {key: digest_of_file(path) for key, path in inputs.items()}


def preprocessing(experiment: AnyExperiment) -> dict[str, Any]:
    """Return the steps between a decoded frame and the model's input at prediction time."""
    augment = experiment.augment.model_dump(exclude={"balance", "replicas", "policy", "geometry"})
    return {"input": experiment.input, **augment, "num_frames": experiment.clips.num_frames}


def chosen_metrics(result: FitResult) -> dict[str, Any]:
    """Return the chosen epoch's metrics by split: ``{"best_epoch": 7, "train": {...}, "val": {...}}``.

    ``stopped_epoch`` is included if early stopping ended the training.
    """
    stopped = {} if result.stopped_epoch is None else {"stopped_epoch": result.stopped_epoch}
    chosen: dict[str, Any] = {"best_epoch": result.best_epoch, **stopped, "train": {}, "val": {}}
    for metric, value in result.best.items():
        split, _, name = metric.partition("/")
        if split in ("train", "val"):
            chosen[split][name] = value
    return chosen

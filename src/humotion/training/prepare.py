"""Prepare the arguments of `fit` for an experiment: the seeded task, and its clips."""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl

from humotion.clips.datamodule import ClipDataModule, device_batch_size
from humotion.files import read_json
from humotion.params.document import Params
from humotion.training.devices import check_devices, check_precision, launched
from humotion.training.task import Task, task_class


def prepare(name: str, params: Params) -> tuple[Task, ClipDataModule]:
    """Seed everything, then build the task of experiment ``name`` and the loaders of its clips.

    Raises:
        HumotionError: the experiment does not exist, frames are missing, this machine has no such devices, they
            cannot share a batch, or it cannot use the precision.
    """
    experiment = params.experiment(name)
    check_devices(params.machine)
    check_precision(experiment.trainer, params.machine)
    num_devices, num_nodes = launched() or (params.machine.devices, 1)
    if isinstance(num_devices, int):
        device_batch_size(experiment.trainer.batch_size, num_devices * num_nodes)
    pl.seed_everything(experiment.seed, workers=True, verbose=False)
    meta = read_json(Path("clips") / name / "meta.json")
    task = task_class(experiment.task).from_experiment(experiment, meta)
    return task, ClipDataModule(name, params, task.model.num_neighbours)  # type: ignore[arg-type]

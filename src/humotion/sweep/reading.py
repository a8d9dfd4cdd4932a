"""Sweeps over how a trained model's outputs are read: thresholds of a decoder, for example. No trial trains.

If all searched and fixed parameters lie in ``evaluate.decoding``, a trial opens the trained model of the experiment,
takes the thresholds, and scores the validation clips. Test clips choose nothing here either.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from humotion.clips.datamodule import ClipDataModule
from humotion.errors import HumotionError
from humotion.params.document import Params
from humotion.params.sweep import SweepParams
from humotion.sweep.changes import READING, is_reading
from humotion.training.description import WEIGHTS
from humotion.training.devices import one_device
from humotion.training.fit import FitResult
from humotion.training.model_folder import load_task
from humotion.training.predict import keyboard_interrupts, quiet
from humotion.training.task import Task


def only_reads(settings: SweepParams, name: str) -> bool:
    """Return whether a sweep changes only how outputs are read.

    Raises:
        HumotionError: it changes that and also what is trained.
    """
    paths = [*settings.space, *settings.fixed]
    reading = [path for path in paths if is_reading(path)]
    if reading and len(reading) < len(paths):
        other = next(path for path in paths if path not in reading)
        raise HumotionError(
            f"sweeps.{name} changes {reading[0]}, which a trained model can be asked for, and {other}, for which each "
            "trial would have to train. Search one after the other."
        )
    return bool(reading)


def trained_model(name: str) -> Path:
    """Return the weights of the trained model of an experiment.

    Raises:
        HumotionError: it is not trained.
    """
    path = Path("models") / name / WEIGHTS
    if not path.exists():
        raise HumotionError(
            f"sweeps.{name} searches {READING}, for which a trained model is read: run `dvc repro train@{name}` first."
        )
    return path


def score(name: str, params: Params) -> tuple[FitResult, Task, ClipDataModule]:
    """Score the validation clips with the trained model, as if it had been an epoch of a training.

    Args:
        name: the experiment.
        params: all of params.yaml, with the changes of the trial.
    """
    experiment = params.experiment(name)
    task, _ = load_task(trained_model(name).parent)
    task.read_by(experiment.evaluate)
    data = ClipDataModule(name, params, task.model.num_neighbours)  # type: ignore[arg-type]
    trainer = pl.Trainer(
        **one_device(params.machine), logger=False, enable_checkpointing=False, enable_model_summary=False,
        enable_progress_bar=False,
    )  # fmt: skip
    with quiet(), keyboard_interrupts():
        found: list[Any] = list(trainer.validate(task, datamodule=data, verbose=False))
    row = {"epoch": 0.0, **{key: float(value) for key, value in found[0].items()}}
    return FitResult([row], 0, trained_model(name)), task, data

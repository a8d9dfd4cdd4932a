"""Run one training: from a task and a datamodule to the best checkpoint on the validation clips."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.callbacks import ModelCheckpoint, TQDMProgressBar
from pytorch_lightning.callbacks.weight_averaging import EMAWeightAveraging
from pytorch_lightning.loggers import Logger

from humotion.clips.datamodule import ClipDataModule
from humotion.params.experiment import TrainerParams
from humotion.params.machine import MachineParams
from humotion.training.callbacks import EpochTable, Row, SeedEveryEpoch, StopWithoutGain
from humotion.training.checkpoints import BEST, LAST, KeepProven, ProvenCheckpoints, Resumption, find_resumption
from humotion.training.devices import all_devices, is_lead, on_gpu, usable_precision
from humotion.training.finite import StopWhenDiverged
from humotion.training.predict import keyboard_interrupts, quiet
from humotion.training.task import Task


@dataclass(frozen=True)
class FitResult:
    """The result of a training.

    Attributes:
        epochs: one row per epoch with every metric.
        best_epoch: the epoch whose weights ``task`` now has.
        checkpoint: the Lightning checkpoint of the best epoch.
        stopped_epoch: the epoch after which early stopping ended the training; None if it did not.
    """

    epochs: list[Row]
    best_epoch: int
    checkpoint: Path
    stopped_epoch: int | None = None

    @property
    def best(self) -> Row:
        """The metrics of the best epoch."""
        return next(row for row in self.epochs if row["epoch"] == self.best_epoch)


def fit(
    task: Task,
    datamodule: ClipDataModule,
    params: TrainerParams,
    machine: MachineParams,
    *,
    seed: int,
    folder: Path,
    logger: Logger | bool = False,
    callbacks: tuple[pl.Callback, ...] = (),
) -> FitResult:
    """Train ``task``, and load the weights of its best epoch on the validation clips.

    With ``params.ema``, these weights are running averages, which validation and checkpoints use.

    Checkpoints are saved in ``folder`` after every epoch (see `humotion.training.checkpoints`). A call with the same
    folder resumes training after the last finished epoch. With several devices, every process calls this function,
    and all return the same result.

    Args:
        task: the task to train, on the clips of ``datamodule``.
        params: settings of the training loop.
        machine: the devices; except for rounding, results do not depend on them.
        seed: seed of random operations such as dropout in every epoch.
        folder: folder of the checkpoints.
        logger: a Lightning logger.
        callbacks: additional callbacks, for example the pruning of a sweep.

    Raises:
        KeyboardInterrupt: the training was stopped.
        TrainingDivergedError: losses, weights, outputs or metrics are no longer finite; no checkpoint has them.
    """
    table = EpochTable()
    best, last = checkpoints(folder, task)
    averages = [] if params.ema is None else [EMAWeightAveraging(averages_device(machine), decay=params.ema)]
    stopping = [] if params.early_stopping is None else [StopWithoutGain(task.main_metric, params.early_stopping)]
    # The checkpoint callbacks come after the state that they save: the row of the epoch, and whether to stop. No state
    # is saved of a training that diverged.
    resumption = find_resumption(folder)
    first = [SeedEveryEpoch(seed), StopWhenDiverged()]
    ours = [*first, *averages, table, *stopping, best, last, TQDMProgressBar(refresh_rate=10)]
    if resumption.checkpoint is None and is_lead():  # the other devices get the changes from the first one
        found = task.before_fit(datamodule, machine, callbacks)
        if found and isinstance(logger, Logger):
            logger.log_metrics(found, step=0)
    was_alone = not dist.is_initialized()
    trainer = make_trainer(params, machine, logger, [*ours, KeepProven(resumption), *callbacks], resumption)
    with quiet(), keyboard_interrupts():
        trainer.fit(task, datamodule, ckpt_path=resumption.checkpoint, weights_only=True)
    checkpoint = Path(best.best_model_path)
    best_epoch = load_checkpoint(task, checkpoint)
    trainer.strategy.barrier()  # wait until all processes have read the checkpoint
    if was_alone and dist.is_initialized():
        dist.destroy_process_group()  # then metrics no longer synchronise between processes
    return FitResult(table.rows, best_epoch, checkpoint, stopping[0].last_epoch if stopping else None)


def checkpoints(folder: Path, task: Task) -> tuple[ModelCheckpoint, ModelCheckpoint]:
    """Callbacks that save the best epoch (``best.ckpt``) and the last (``last.ckpt``, where training resumes)."""
    # Saved at the end of the epoch, so that a checkpoint has the complete row of its epoch.
    once: dict[str, Any] = {"enable_version_counter": False, "save_on_train_epoch_end": True}
    best = ModelCheckpoint(folder, Path(BEST).stem, monitor=task.main_metric, mode="max", **once)
    return best, ModelCheckpoint(folder, Path(LAST).stem, **once)


def load_checkpoint(task: Task, checkpoint: Path) -> int:
    """Load the weights of a checkpoint into a task, and return the checkpoint's epoch."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    task.load_state_dict(state["state_dict"])
    return int(state["epoch"])


def make_trainer(
    params: TrainerParams,
    machine: MachineParams,
    logger: Logger | bool,
    callbacks: list[pl.Callback],
    resumption: Resumption,
) -> pl.Trainer:
    """Return Lightning's trainer for a training loop with these parameters."""
    devices = all_devices(machine)
    return pl.Trainer(
        **{**devices, "plugins": [*devices["plugins"], ProvenCheckpoints(resumption)]},
        max_epochs=params.epochs,
        precision=usable_precision(params, machine),
        accumulate_grad_batches=params.accumulate,
        gradient_clip_val=params.gradient_clip,
        deterministic="warn",
        logger=logger,
        callbacks=callbacks,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_model_summary=False,
    )


def averages_device(machine: MachineParams) -> str | None:
    """Return the device of the averages; by default, Lightning keeps them on the CPU even for weights on a GPU."""
    return "cuda" if on_gpu(machine) else None

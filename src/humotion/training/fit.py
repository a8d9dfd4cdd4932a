"""One training: from a task and a datamodule to the best checkpoint on validation clips."""

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
from humotion.training.devices import all_devices, is_lead, on_gpu
from humotion.training.predict import quiet
from humotion.training.task import Task


@dataclass(frozen=True)
class FitResult:
    """What a training gave.

    Attributes:
        epochs: a row an epoch with every metric.
        best_epoch: the epoch whose weights ``task`` now holds.
        checkpoint: its Lightning checkpoint.
        stopped_epoch: the epoch after which early stopping ended it; None if it did not.
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
    """Train, and leave ``task`` with the weights of its best epoch on the validation clips.

    With ``params.ema`` these are running averages: validation looks at them, and checkpoints hold them.

    A checkpoint of every epoch lies in ``folder``; called again with the same folder, training resumes after the last
    finished epoch. Over several devices every process calls it, and all return the same.

    Args:
        task: what is trained.
        datamodule: its clips.
        params: the training loop.
        machine: devices; results do not depend on them beyond rounding.
        seed: seeds the weights drawn by the caller's task before, dropout, and data order.
        folder: where checkpoints go.
        logger: a Lightning logger.
        callbacks: more callbacks (a sweep's pruning, say).

    Raises:
        KeyboardInterrupt: somebody stopped it.
    """
    table = EpochTable()
    best, last = checkpoints(folder, task)
    averages = [] if params.ema is None else [EMAWeightAveraging(averages_device(machine), decay=params.ema)]
    stopping = [] if params.early_stopping is None else [StopWithoutGain(task.main_metric, params.early_stopping)]
    # The checkpoints come after what they save: the row of the epoch, and whether to stop.
    ours = [SeedEveryEpoch(seed), *averages, table, *stopping, best, last, TQDMProgressBar(refresh_rate=10)]
    resume = folder / "last.ckpt"
    if not resume.exists() and is_lead():  # the other devices get what it changes from the first one
        found = task.before_fit(datamodule, machine)
        if found and isinstance(logger, Logger):
            logger.log_metrics(found, step=0)
    was_alone = not dist.is_initialized()
    trainer = make_trainer(params, machine, logger, [*ours, *callbacks])
    with quiet():
        try:
            trainer.fit(task, datamodule, ckpt_path=resume if resume.exists() else None, weights_only=True)
        except SystemExit:  # which Lightning makes of a KeyboardInterrupt
            raise KeyboardInterrupt from None
    checkpoint = Path(best.best_model_path)
    best_epoch = load_checkpoint(task, checkpoint)
    trainer.strategy.barrier()  # until all have read the checkpoint
    if was_alone and dist.is_initialized():
        dist.destroy_process_group()  # metrics of this process are its own again
    return FitResult(table.rows, best_epoch, checkpoint, stopping[0].last_epoch if stopping else None)


def checkpoints(folder: Path, task: Task) -> tuple[ModelCheckpoint, ModelCheckpoint]:
    """What keeps the best epoch (``best.ckpt``) and the last one (``last.ckpt``, from which a training resumes)."""
    # Saved when the epoch is over, so that a checkpoint holds the whole row of its epoch.
    once: dict[str, Any] = {"enable_version_counter": False, "save_on_train_epoch_end": True}
    best = ModelCheckpoint(folder, "best", monitor=task.main_metric, mode="max", **once)
    return best, ModelCheckpoint(folder, "last", **once)


def load_checkpoint(task: Task, checkpoint: Path) -> int:
    """Give a task the weights of a checkpoint, and return the epoch it is of."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    task.load_state_dict(state["state_dict"])
    return int(state["epoch"])


def make_trainer(
    params: TrainerParams, machine: MachineParams, logger: Logger | bool, callbacks: list[pl.Callback]
) -> pl.Trainer:
    """Lightning's trainer for a training loop of these parameters."""
    return pl.Trainer(
        **all_devices(machine),
        max_epochs=params.epochs,
        precision=params.precision,
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
    """Where the averages lie: left to itself, Lightning keeps those of a GPU's weights on the CPU."""
    return "cuda" if on_gpu(machine) else None

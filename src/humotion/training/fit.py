"""One training: from a task and a datamodule to the best checkpoint on validation clips."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint, TQDMProgressBar
from pytorch_lightning.callbacks.weight_averaging import EMAWeightAveraging
from pytorch_lightning.loggers import Logger

from humotion.params import MachineParams
from humotion.tasks.base import Task
from humotion.training.callbacks import EpochTable, Row, SeedEveryEpoch
from humotion.training_params import TrainerParams


@dataclass(frozen=True)
class FitResult:
    """What a training gave.

    Attributes:
        epochs: a row an epoch with every metric.
        best_epoch: the epoch whose weights ``task`` now holds.
        checkpoint: its Lightning checkpoint.
    """

    epochs: list[Row]
    best_epoch: int
    checkpoint: Path

    @property
    def best(self) -> Row:
        """The metrics of the best epoch."""
        return next(row for row in self.epochs if row["epoch"] == self.best_epoch)


def fit(
    task: Task,
    datamodule: pl.LightningDataModule,
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

    A checkpoint of every epoch lies in ``folder``; called again with the same folder, training goes
    on after the last finished epoch.

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
    # Saved when the epoch is over, so that a checkpoint holds the whole row of its epoch.
    once: dict[str, Any] = {"enable_version_counter": False, "save_on_train_epoch_end": True}
    best = ModelCheckpoint(folder, "best", monitor=task.main_metric, mode="max", **once)
    last = ModelCheckpoint(folder, "last", **once)
    averages = [] if params.ema is None else [EMAWeightAveraging(averages_device(machine), decay=params.ema)]
    trainer = pl.Trainer(
        accelerator=machine.accelerator,
        devices=machine.devices,
        max_epochs=params.epochs,
        precision=params.precision,
        accumulate_grad_batches=params.accumulate,
        gradient_clip_val=params.gradient_clip,
        deterministic="warn",
        logger=logger,
        callbacks=[SeedEveryEpoch(seed), *averages, table, best, last, TQDMProgressBar(refresh_rate=10), *callbacks],
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_model_summary=False,
    )
    resume = folder / "last.ckpt"
    with quiet():
        try:
            trainer.fit(task, datamodule, ckpt_path=resume if resume.exists() else None, weights_only=True)
        except SystemExit:  # which Lightning makes of a KeyboardInterrupt
            raise KeyboardInterrupt from None
    checkpoint = Path(best.best_model_path)
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    task.load_state_dict(state["state_dict"])
    return FitResult(table.rows, int(state["epoch"]), checkpoint)


def averages_device(machine: MachineParams) -> str | None:
    """Where the averages lie: left to itself, Lightning keeps those of a GPU's weights on the CPU."""
    return "cuda" if machine.accelerator != "cpu" and torch.cuda.is_available() else None


def predict(task: pl.LightningModule, loader: Any, machine: MachineParams) -> list[dict[str, torch.Tensor]]:
    """Predictions of every batch of a loader, in order, on one device."""
    trainer = pl.Trainer(
        accelerator=machine.accelerator,
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        callbacks=[TQDMProgressBar(refresh_rate=10)],
    )
    with quiet():
        outputs: Any = trainer.predict(task, loader)
    return list(outputs)


class quiet(warnings.catch_warnings):  # noqa: N801
    """Silences Lightning's advice about matters that humotion decides (worker counts, resume paths)."""

    def __enter__(self) -> Any:
        entered = super().__enter__()
        for message in (".*does not have many workers.*", ".*Checkpoint directory.*exists.*", ".*litlogger.*"):
            warnings.filterwarnings("ignore", message=message)
        logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)
        return entered

"""Callbacks that let an interrupted training resume as if it had not been interrupted, or end at the right epoch."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.callbacks.early_stopping import EarlyStoppingReason

from humotion.params.experiment import EarlyStoppingParams

Row = dict[str, float]


class EpochTable(pl.Callback):
    """Every metric of every epoch, stored in the checkpoint, so that a resumed training has its complete curve."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add a row: ``epoch`` and every logged metric."""
        # Validation has run by now: Lightning calls this hook after the epoch's validation loop.
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.rows = [row for row in self.rows if row["epoch"] < trainer.current_epoch]
        self.rows.append({"epoch": float(trainer.current_epoch), **dict(sorted(metrics.items()))})

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the last row of the checkpoint again: the process may have died after saving it and before logging it."""
        if self.rows and trainer.logger is not None:
            trainer.logger.log_metrics(self.rows[-1], step=trainer.global_step - 1)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue with the rows of a checkpoint."""
        self.rows = list(state_dict["rows"])


class SeedEveryEpoch(pl.Callback):
    """Seeds random operations such as dropout again at the start of each epoch.

    Random states are not part of a checkpoint. With this callback, an epoch draws the same numbers even if the
    training was interrupted before it.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed torch before an epoch's first batch.

        The hook at the epoch's start would be too early: creating a loader's iterator also draws a number. In the
        first epoch after a start or resumption, this happens before that hook, and in later epochs after it.
        """
        if batch_idx == 0:  # each device draws other numbers
            torch.manual_seed(self.seed * 100_003 + trainer.current_epoch + trainer.global_rank * 1_000_000_007)


class StopWithoutGain(EarlyStopping):
    """Ends a training when its main metric no longer improves.

    If a training was killed between its last epoch and its end, it ends at once when it resumes.
    """

    def __init__(self, metric: str, params: EarlyStoppingParams) -> None:
        super().__init__(metric, params.min_delta, params.patience, mode="max", check_on_train_epoch_end=True)

    @property
    def last_epoch(self) -> int | None:
        """The epoch after which early stopping ended the training; None if it did not."""
        return None if self.stopping_reason == EarlyStoppingReason.NOT_STOPPED else self.stopped_epoch

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End at once if early stopping had already ended the training."""
        if self.last_epoch is not None:
            trainer.should_stop = True

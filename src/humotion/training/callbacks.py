"""Callbacks that make an interrupted training continue as if nothing had happened, or end where it should."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.callbacks.early_stopping import EarlyStoppingReason

from humotion.params.experiment import EarlyStoppingParams

Row = dict[str, float]


class EpochTable(pl.Callback):
    """Every metric of every epoch, kept in the checkpoint, so that a resumed training has its whole curve."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add a row: ``epoch`` and every logged metric."""
        # Validation has run by now: Lightning calls this hook after the epoch's validation loop.
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.rows = [row for row in self.rows if row["epoch"] < trainer.current_epoch]
        self.rows.append({"epoch": float(trainer.current_epoch), **dict(sorted(metrics.items()))})

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the row of the checkpoint gone on from: a process may die after saving it and before logging it."""
        if self.rows and trainer.logger is not None:
            trainer.logger.log_metrics(self.rows[-1], step=trainer.global_step - 1)

    def state_dict(self) -> dict[str, Any]:
        """The rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the rows of a checkpoint."""
        self.rows = list(state_dict["rows"])


class SeedEveryEpoch(pl.Callback):
    """Seeds dropout and its like anew at each epoch's start.

    Random states are not part of a checkpoint; with this an epoch draws the same numbers whether the
    training was interrupted before it or not.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed torch before an epoch's first batch.

        Not at the epoch's start: beginning to iterate over a loader draws a number too, which in the
        first epoch after a start or resumption happens before that hook, and in others after it.
        """
        if batch_idx == 0:  # devices draw apart
            torch.manual_seed(self.seed * 100_003 + trainer.current_epoch + trainer.global_rank * 1_000_000_007)


class StopWithoutGain(EarlyStopping):
    """Ends a training whose main metric gains no more.

    A training that was killed between its last epoch and its end stays ended when it is gone on with.
    """

    def __init__(self, metric: str, params: EarlyStoppingParams) -> None:
        super().__init__(metric, params.min_delta, params.patience, mode="max", check_on_train_epoch_end=True)

    @property
    def last_epoch(self) -> int | None:
        """The epoch after which it ended the training; None if it did not."""
        return None if self.stopping_reason == EarlyStoppingReason.NOT_STOPPED else self.stopped_epoch

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End at once what had ended."""
        if self.last_epoch is not None:
            trainer.should_stop = True

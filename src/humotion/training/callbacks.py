"""Callbacks that make an interrupted training continue as if nothing had happened."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch

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
        if batch_idx == 0:
            torch.manual_seed(self.seed * 100_003 + trainer.current_epoch)

"""The callback through which a trial tells the study of every epoch, and learns that it is pruned."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from optuna.trial import Trial

from humotion.sweep.objectives import metric_value


class ReportEpochs(pl.Callback):
    """Reports a validation metric after every epoch; stops the training when the pruner says so.

    Args:
        trial: None in the ranks that have none: they stop when rank 0 does.
        metric: what is reported; None reports nothing (several objectives, or a cost).

    Attributes:
        pruned: the training was stopped by the pruner.
        seen: epochs trained here, not counting those before a checkpoint that it went on from.
    """

    def __init__(self, trial: Trial | None, metric: str | None) -> None:
        self.trial = trial
        self.metric = metric
        self.pruned = False
        self.seen = 0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the epoch that ended; validation has run by now."""
        self.seen += 1
        if self.metric is None:
            return
        stop = False
        if self.trial is not None:
            metrics: dict[str, Any] = trainer.callback_metrics
            self.trial.report(metric_value(self.metric, metrics), trainer.current_epoch)
            # There is nothing to save by stopping after the last epoch.
            stop = self.trial.should_prune() and trainer.current_epoch + 1 < (trainer.max_epochs or 0)
        self.pruned = bool(trainer.strategy.broadcast(stop))
        trainer.should_stop = trainer.should_stop or self.pruned

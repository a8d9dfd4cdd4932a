"""The callback by which a trial reports every epoch to the study, and finds out that it is pruned."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from optuna.trial import Trial

from humotion.sweep.objectives import metric_value


class ReportEpochs(pl.Callback):
    """Reports a validation metric after every epoch; stops the training if the pruner decides so.

    Args:
        trial: None in ranks other than 0: they stop when rank 0 stops.
        metric: the metric to report; None reports nothing (several objectives, or a cost).

    Attributes:
        pruned: the pruner stopped the training.
        seen: epochs trained here; epochs before the checkpoint that it resumed from do not count.
    """

    def __init__(self, trial: Trial | None, metric: str | None) -> None:
        self.trial = trial
        self.metric = metric
        self.pruned = False
        self.seen = 0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the epoch that ended; its validation has already run."""
        self.seen += 1
        if self.metric is None:
            return
        stop = False
        if self.trial is not None:
            metrics: dict[str, Any] = trainer.callback_metrics
            self.trial.report(metric_value(self.metric, metrics), trainer.current_epoch)
            # Stopping after the last epoch saves nothing.
            stop = self.trial.should_prune() and trainer.current_epoch + 1 < (trainer.max_epochs or 0)
        self.pruned = bool(trainer.strategy.broadcast(stop))
        trainer.should_stop = trainer.should_stop or self.pruned

"""The wish to stop: noted when the signal comes, granted between two batches, where nothing is left half-done.

An exception out of a signal handler may come in the middle of a database transaction, whose lock it
would leave behind: MLflow's next write would then wait for ever.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytorch_lightning as pl


class Stop:
    """Whether a training should stop.

    Attributes:
        asked: a signal asked for it.
    """

    def __init__(self) -> None:
        self.asked = False

    def listen(self, *signals: signal.Signals) -> None:
        """Note these signals instead of what they do otherwise."""
        for number in signals:
            signal.signal(number, self._note)

    @contextmanager
    def listening(self, *signals: signal.Signals) -> Iterator[None]:
        """The same for a while."""
        before = {number: signal.getsignal(number) for number in signals}
        self.listen(*signals)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def check(self) -> None:
        """Raise KeyboardInterrupt here, if it was asked for."""
        if self.asked:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


class StopAfterBatch(pl.Callback):
    """Stops a training after the batch in which somebody asked for it."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Over several devices, take SIGTERM back from Lightning, whose handler would talk to the others at once.

        In the middle of a step that can be for ever: they may be at another exchange.
        """
        if trainer.world_size > 1:
            self.stop.listen(signal.SIGTERM)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop here if somebody asked for it.

        Raises:
            KeyboardInterrupt: the training is to be gone on with later.
        """
        self.stop.check()

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """The same in validation, which may take longer than the epoch."""
        self.stop.check()

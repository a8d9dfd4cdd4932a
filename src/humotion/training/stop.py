"""Stop a training by a signal: note the signal when it comes, and stop between two batches, in a consistent state.

A signal handler that raises an exception could interrupt a database transaction. Its lock would stay, and MLflow's
next write would wait forever.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytorch_lightning as pl

from humotion.system import signals


class Stop:
    """Whether a training should stop.

    Attributes:
        asked: whether a signal has asked for it.
    """

    def __init__(self) -> None:
        self.asked = False

    def listen(self) -> None:
        """Note Ctrl-C, SIGTERM and SIGHUP, instead of their usual effect."""
        for number in signals.heeded():
            signal.signal(number, self._note)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note these signals inside a ``with`` block, and restore their handlers after it."""
        with signals.restored():
            self.listen()
            yield

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has asked to stop."""
        if self.asked:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signals.note(number)


class StopAfterBatch(pl.Callback):
    """Stops a training after the batch in which a signal asked for it."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """With several devices, replace Lightning's SIGTERM handler, which would contact the other processes at once.

        In the middle of a step, this could wait forever, because the others may be in another exchange.
        """
        if trainer.world_size > 1:
            self.stop.listen()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop here if a signal has asked for it.

        Raises:
            KeyboardInterrupt: the training must stop, and can resume later.
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
        """Also stop in validation, which may take longer than the training part of the epoch."""
        self.stop.check()

    def on_predict_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Also stop in predictions that prepare a training, for example of the features of a first head."""
        self.stop.check()

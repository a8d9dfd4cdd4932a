"""Predict with a task for every batch of a loader."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import TQDMProgressBar

from humotion.params.machine import MachineParams
from humotion.training.devices import one_device


def predict(task: pl.LightningModule, loader: Any, machine: MachineParams) -> list[dict[str, torch.Tensor]]:
    """Return the predictions for every batch of a loader, in order, on one device."""
    trainer = pl.Trainer(
        **one_device(machine),
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        callbacks=[TQDMProgressBar(refresh_rate=10)],
    )
    with quiet(), keyboard_interrupts():
        outputs: Any = trainer.predict(task, loader)
    return list(outputs)


@contextmanager
def keyboard_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt, instead of which Lightning raises SystemExit."""
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None


class quiet(warnings.catch_warnings):  # noqa: N801
    """Hides Lightning's advice about settings that humotion decides (number of workers, checkpoint paths)."""

    def __enter__(self) -> Any:
        entered = super().__enter__()
        advice = (
            ".*does not have many workers.*",
            ".*Checkpoint directory.*exists.*",
            ".*litlogger.*",
            ".*recommended to use.*sync_dist=True.*",  # the metrics are already the same on all devices
        )
        for message in advice:
            warnings.filterwarnings("ignore", message=message)
        logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)
        return entered

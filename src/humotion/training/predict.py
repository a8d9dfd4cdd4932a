"""Predict with a task for every batch of a loader."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import TQDMProgressBar

from humotion.errors import DivergedError
from humotion.params.machine import MachineParams
from humotion.training.devices import one_device


def predict(
    task: pl.LightningModule, loader: Any, machine: MachineParams, callbacks: Sequence[pl.Callback] = ()
) -> list[dict[str, torch.Tensor]]:
    """Return the predictions for every batch of a loader, in order, on one device.

    Raises:
        KeyboardInterrupt: one of the ``callbacks`` stopped it.
        DivergedError: a prediction is NaN or infinite, so no score and no class may be read from it.
    """
    trainer = pl.Trainer(
        **one_device(machine),
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        callbacks=[TQDMProgressBar(refresh_rate=10), *callbacks],
    )
    with quiet(), keyboard_interrupts():
        outputs: Any = trainer.predict(task, loader)
    for number, output in enumerate(outputs):
        refuse_not_finite(output, f"batch {number} of {len(outputs)}")
    return list(outputs)


@contextmanager
def keyboard_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt, instead of which Lightning raises SystemExit."""
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None


def refuse_not_finite(output: Mapping[str, torch.Tensor], of_what: str) -> None:
    """Raise a DivergedError if a tensor of a model's output is NaN or infinite."""
    for name, values in output.items():
        if not values.isfinite().all():
            raise DivergedError(
                f"The model answers with NaN or infinite {name} for {of_what}. It diverged, or its training did: train "
                "it again with a lower optimizer.lr, with trainer.gradient_clip, or with trainer.precision: 32-true."
            )


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

"""A training whose numbers are NaN or infinite has diverged: it ends with an error, before a checkpoint keeps them.

Gradients are not checked: with ``16-mixed``, the gradient scaler skips steps with infinite gradients, and this is
normal. What such a step leaves behind is checked: the loss of every batch, and at the end of every epoch the weights,
the outputs for the validation clips and the metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from humotion.errors import DivergedError, HumotionError
from humotion.models.common.weights import not_finite
from humotion.training.task import Task

CHECK_EVERY = 50  # batches between two waits for a GPU; a wait after every batch would cost speed
NEVER = torch.iinfo(torch.int64).max


class TrainingDivergedError(DivergedError):
    """A training diverged. Every process of the training raises this at the same point, so none waits for another."""


class FirstBatch:
    """The first batch of an epoch with a value that is not finite, noted on the device, without a wait for it."""

    def __init__(self) -> None:
        self.index: Tensor | None = None

    def note(self, values: Tensor, batch_idx: int) -> None:
        """Note the batch if one of its values is NaN or infinite."""
        index = torch.where(values.detach().isfinite().all(), NEVER, batch_idx)
        self.index = index if self.index is None else torch.minimum(self.index, index)

    def found(self, trainer: pl.Trainer) -> int | None:
        """Return the first such batch on any device; every process must call this at the same point."""
        nothing = torch.tensor(NEVER, device=trainer.strategy.root_device)
        index = nothing if self.index is None else self.index
        first = int(trainer.strategy.reduce(index, reduce_op="min"))
        return None if first == NEVER else first


class StopWhenDiverged(pl.Callback):
    """Ends a training that diverged. It must come before the callbacks that save checkpoints or report metrics.

    The outputs for validation clips are what ``validation_step`` returns; a task that returns nothing has no check.
    All devices find the same and stop at the same batch, so no process waits for another.
    """

    def __init__(self) -> None:
        self.losses, self.outputs = FirstBatch(), FirstBatch()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Forget the epoch before."""
        self.losses, self.outputs = FirstBatch(), FirstBatch()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the loss of the batch; on one CPU, check it at once.

        Raises:
            TrainingDivergedError: a loss is not finite.
        """
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if loss is None:
            return
        self.losses.note(loss, batch_idx)
        at_once = trainer.world_size == 1 and loss.device.type == "cpu"
        if at_once or (batch_idx + 1) % CHECK_EVERY == 0:
            self._check_losses(trainer, pl_module)

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Note the outputs for a batch of validation clips."""
        if isinstance(outputs, Tensor):
            self.outputs.note(outputs, batch_idx)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check losses, weights, outputs and metrics of the epoch; its validation has already run.

        Raises:
            TrainingDivergedError: one of them is not finite.
            HumotionError: the metric that chooses the epoch is no number, because the validation clips have nothing
                to measure.
        """
        assert isinstance(pl_module, Task)
        self._check_losses(trainer, pl_module)
        epoch = trainer.current_epoch
        if broken := not_finite(weights := pl_module.model.state_dict()):
            what = f"{len(broken)} of {len(weights)} tensors of weights are NaN or infinite after epoch {epoch}"
            raise TrainingDivergedError(explain(f"{what} (first: {broken[0]})", pl_module, trainer))
        if self.outputs.found(trainer) is not None:
            what = f"the model's outputs for validation clips are NaN or infinite after epoch {epoch}"
            raise TrainingDivergedError(explain(what, pl_module, trainer))
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if name := diverged_metric(metrics):
            raise TrainingDivergedError(explain(f"{name} is {metrics[name]} in epoch {epoch}", pl_module, trainer))
        if metrics.get(main := pl_module.main_metric, 0.0) != metrics.get(main, 0.0):
            raise HumotionError(
                f"{main} is NaN, although weights and outputs are finite: the validation clips have nothing that it "
                "counts (for poses: a scored joint in a box with an area). No epoch can be chosen. Check the labels of "
                "the validation clips, or choose another clips.validation_fold."
            )

    def _check_losses(self, trainer: pl.Trainer, task: Any) -> None:
        if (batch := self.losses.found(trainer)) is not None:
            what = f"train/loss is NaN or infinite in batch {batch} of epoch {trainer.current_epoch}"
            raise TrainingDivergedError(explain(what, task, trainer))


def diverged_metric(metrics: Mapping[str, float]) -> str | None:
    """Return the first metric that only a diverged training has: an infinite one, or a loss that is NaN.

    Other metrics are also NaN if there is nothing to measure, for example jitter without three frames in a row.
    """
    values = {name: torch.tensor(value) for name, value in metrics.items()}
    return next((name for name, value in values.items() if value.isinf() or (value.isnan() and _is_loss(name))), None)


def _is_loss(name: str) -> bool:
    return name.rsplit("/", 1)[-1].endswith("loss")


def explain(what: str, task: Task, trainer: pl.Trainer) -> str:
    """Say that the training diverged, where this was found, and which settings to try, with their values now."""
    settings = task.optimizer_params
    lr = "" if settings is None else f" (now {settings.lr:g})"
    warmup = "" if settings is None else f" (now {settings.warmup_epochs:g})"
    clip = "none" if trainer.gradient_clip_val is None else f"{trainer.gradient_clip_val:g}"
    advice = [f"a lower optimizer.lr{lr}", f"a lower trainer.gradient_clip (now {clip})"]
    advice.append(f"more optimizer.warmup_epochs{warmup}")
    if trainer.precision != "32-true":
        advice.append(f"trainer.precision: 32-true (now {trainer.precision})")
    return f"The training diverged: {what}. Nothing of it is kept as a model. Try {', '.join(advice)}."

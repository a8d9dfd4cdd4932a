"""What every task is: a LightningModule around one model, with an optimiser, a schedule and a main metric."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from humotion.models import build_model
from humotion.training_params import OptimizerParams

Batch = dict[str, Tensor]


class Task(pl.LightningModule, ABC):
    """A model with its loss and metrics.

    Args:
        architecture: ``name`` and keyword arguments of the model, enough to build it again.
        optimizer: optimiser and schedule.

    Attributes:
        main_metric: the validation metric that chooses the checkpoint, higher is better.
    """

    main_metric: ClassVar[str]

    def __init__(self, architecture: dict[str, Any], optimizer: OptimizerParams | None = None) -> None:
        super().__init__()
        self.architecture = architecture
        self.model = build_model(**architecture)
        self.optimizer_params = optimizer

    @classmethod
    @abstractmethod
    def from_experiment(cls, experiment: Any, meta: dict[str, Any]) -> Task:
        """The task of an experiment on clips described by ``clips/<experiment>/meta.json``."""

    @abstractmethod
    def predict_step(self, batch: Batch, batch_idx: int = 0) -> dict[str, Tensor]:
        """Predictions of a batch, as CPU tensors; ``clip_index`` says of which clips."""

    def parameter_groups(self, params: OptimizerParams) -> list[dict[str, Any]]:
        """Groups for the optimiser; a task may give some layers a learning rate of their own."""
        return parameter_groups(self.model, params.weight_decay)

    def configure_optimizers(self) -> Any:
        """The optimiser, and a schedule that moves after every optimiser step."""
        params = self.optimizer_params
        if params is None:
            raise RuntimeError("This task was built for prediction: it has no optimiser.")
        groups = self.parameter_groups(params)
        optimizer: torch.optim.Optimizer
        if params.name == "adamw":
            optimizer = torch.optim.AdamW(groups, lr=params.lr)
        else:
            optimizer = torch.optim.SGD(groups, lr=params.lr, momentum=params.momentum)
        total = int(self.trainer.estimated_stepping_batches)
        epochs = self.trainer.max_epochs or 1
        warmup = round(params.warmup_epochs * total / epochs)
        cosine = params.schedule == "cosine"
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, total, warmup, cosine)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weights decay; biases, norms, scalars, tokens and position embeddings do not."""
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            is_weight = parameter.ndim >= 2 and not name.rsplit(".", 1)[-1].endswith(("token", "embed"))
            (decayed if is_weight else kept).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": kept, "weight_decay": 0.0}]


def learning_rate_factor(step: int, total: int, warmup: int, cosine: bool) -> float:
    """Factor on the learning rate: linear warm-up, then constant or half a cosine down to zero."""
    if step < warmup:
        return (step + 1) / warmup
    if not cosine:
        return 1.0
    progress = (step - warmup) / max(1, total - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

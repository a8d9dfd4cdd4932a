"""What every task is: a LightningModule around one model, with an optimiser, a schedule and a main metric."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from humotion import choices
from humotion.clips.datamodule import ClipDataModule
from humotion.errors import HumotionError
from humotion.models.common.build import build_model, model_entry
from humotion.params.experiment import ModelParams, OptimizerParams
from humotion.params.machine import MachineParams

Batch = dict[str, Tensor]


class Task(pl.LightningModule, ABC):
    """A model with its loss and metrics.

    Args:
        architecture: ``name`` and keyword arguments of the model, enough to build it again.
        optimizer: optimiser and schedule.

    Attributes:
        main_metric: the validation metric that chooses the checkpoint, higher is better.
        output_columns: of the served model, which answers with a row of text per video.
    """

    main_metric: ClassVar[str]
    output_columns: ClassVar[tuple[str, ...]]

    def __init__(self, architecture: dict[str, Any], optimizer: OptimizerParams | None = None) -> None:
        super().__init__()
        self.architecture = architecture
        self.model = build_model(**architecture)
        self.optimizer_params = optimizer

    @classmethod
    def architecture_of(cls, model: ModelParams, **from_data: Any) -> dict[str, Any]:
        """The architecture of an experiment's model: its settings, and what it takes of the facts about the clips.

        Args:
            model: the section of params.yaml.
            from_data: what the task knows of the clips (``num_classes``, say). A model takes what its family's entry
                names (`ModelEntry.from_data`).
        """
        taken = model_entry(model.family, model.name).from_data
        return {**model.model_dump(exclude={"weights"}), **{key: from_data[key] for key in taken}}

    @classmethod
    @abstractmethod
    def from_experiment(cls, experiment: Any, meta: dict[str, Any]) -> Task:
        """The task of an experiment on clips described by ``clips/<experiment>/meta.json``."""

    @abstractmethod
    def predict_step(self, batch: Batch, batch_idx: int = 0) -> dict[str, Tensor]:
        """Predictions of a batch, as CPU tensors; ``clip_index`` says of which clips."""

    @abstractmethod
    def clip_scores(self, data: ClipDataModule, split: str, machine: MachineParams) -> pd.DataFrame:
        """What versions are compared on: a row per clip with ``clip_id``, ``group``, ``score``, ``weight``, and more.

        The weighted mean of ``score`` is the main metric. What other columns there are, and which score is the mean of
        which, the task's ``face.py`` knows.
        """

    def before_fit(self, data: ClipDataModule, machine: MachineParams) -> dict[str, float]:
        """What is done once before the first epoch, in the first process alone; the metrics of it, to be logged."""
        return {}

    def parameter_groups(self, params: OptimizerParams) -> list[dict[str, Any]]:
        """Groups for the optimiser; a task may give some layers a learning rate of their own."""
        return parameter_groups(self.model, params)

    def share_of_batch(self, size: int, batch_idx: int) -> tuple[int, float]:
        """What a training batch of ``size`` samples on this device is of the global batch.

        Returns:
            The number of samples in the global batch, and the factor on the mean over those of this device with which
            the mean over all devices is that over the global batch, though a last batch may not be shared out evenly.
        """
        if self._trainer is None or self.trainer.world_size == 1:
            return size, 1.0
        mine, together = self.trainer.datamodule.share_of_batch(batch_idx)  # type: ignore[attr-defined]
        return together, mine * self.trainer.world_size / together

    def log_training(self, name: str, mean: Tensor, size: int, **more: Any) -> None:
        """Log the mean over an epoch of a figure of training batches of ``size`` samples, all devices together.

        ``mean`` is that of this device times its share (see `share_of_batch`): with the same size on all of them, as
        Lightning averages sizes in whole numbers.
        """
        self.log(f"train/{name}", mean, on_step=False, on_epoch=True, batch_size=size, sync_dist=True, **more)

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
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(step, total, warmup, params)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def parameter_groups(
    model: nn.Module, params: OptimizerParams, factor_of: Callable[[str], float] = lambda name: 1.0
) -> list[dict[str, Any]]:
    """Groups of parameters of one weight decay and one learning rate.

    Weights decay; biases, norms, scalars, tokens and position embeddings do not. The learning rate of a
    parameter is that of ``params`` times ``factor_of`` its name, the factor of its part of the model, and
    the factor of biases where it is one of a convolution or linear layer.

    Raises:
        HumotionError: ``params.lr_factors`` names a part that the model has not.
    """
    parts = {name.split(".")[0] for name, _ in model.named_parameters()}
    if unknown := params.lr_factors.keys() - parts:
        names = (", ".join(sorted(of)) for of in (unknown, parts))
        raise HumotionError("optimizer.lr_factors names {}; the model's parts are {}.".format(*names))
    layers = (name for name, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Linear))
    biases = {f"{layer}.bias" if layer else "bias" for layer in layers}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            is_weight = parameter.ndim >= 2 and not name.rsplit(".", 1)[-1].endswith(("token", "embed"))
            factor = factor_of(name) * params.lr_factors.get(name.split(".")[0], 1.0)
            factor *= params.bias_lr_factor if name in biases else 1.0
            groups.setdefault((params.weight_decay if is_weight else 0.0, params.lr * factor), []).append(parameter)
    return [{"params": members, "weight_decay": decay, "lr": lr} for (decay, lr), members in groups.items()]


def learning_rate_factor(step: int, total: int, warmup: int, params: OptimizerParams) -> float:
    """Factor on the learning rate: linear warm-up, then constant, in steps, or half a cosine down to zero."""
    if step < warmup:
        return (step + 1) / warmup
    if params.step_every is not None:
        return params.step_factor ** (step // params.step_every)
    if params.schedule == "constant":
        return 1.0
    progress = (step - warmup) / max(1, total - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def task_class(name: str) -> type[Task]:
    """The LightningModule of a task, which its ``training/module.py`` defines.

    Raises:
        HumotionError: the name is unknown; the message lists the known ones.
    """
    return choices.only_class(choices.load("tasks", name, "training.module"), Task)  # type: ignore[type-abstract]

"""The base class of all tasks: a LightningModule with one model, an optimiser, a schedule and a main metric."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
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
        architecture: ``family``, ``name`` and keyword arguments of the model, enough to build it again.
        optimizer: settings of the optimiser and schedule.

    Attributes:
        main_metric: the validation metric that chooses the checkpoint; higher is better.
        output_columns: columns of the served model, which returns one row of text per video.
        abstention: when the model says "none", as its model folder has it (`abstention_of`); empty before that.
    """

    main_metric: ClassVar[str]
    output_columns: ClassVar[tuple[str, ...]]
    abstention: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, architecture: dict[str, Any], optimizer: OptimizerParams | None = None) -> None:
        super().__init__()
        self.architecture = architecture
        self.model = build_model(**architecture)
        self.optimizer_params = optimizer

    @classmethod
    def architecture_of(cls, model: ModelParams, **from_data: Any) -> dict[str, Any]:
        """Return the architecture of an experiment's model: its settings, and the facts about the clips that it needs.

        Args:
            model: the ``model`` section of params.yaml.
            from_data: facts about the clips, for example ``num_classes``. The model gets those that its entry lists
                (`ModelEntry.from_data`).
        """
        taken = model_entry(model.family, model.name).from_data
        return {**model.model_dump(exclude={"weights"}), **{key: from_data[key] for key in taken}}

    @classmethod
    @abstractmethod
    def from_experiment(cls, experiment: Any, meta: dict[str, Any]) -> Task:
        """Build the task of an experiment on clips described by ``clips/<experiment>/meta.json``."""

    @abstractmethod
    def predict_step(self, batch: Batch, batch_idx: int = 0) -> dict[str, Tensor]:
        """Return the predictions of a batch as CPU tensors; ``clip_index`` has the clips' indices."""

    @abstractmethod
    def clip_scores(self, data: ClipDataModule, split: str, machine: MachineParams) -> pd.DataFrame:
        """Return the table that compares versions: one row per clip, ``clip_id``, ``group``, ``score``, ``weight``.

        The weighted mean of ``score`` is the main metric. The task's ``face.py`` defines the other columns, and the
        column that each score needs.
        """

    def abstention_of(self, scores: pd.DataFrame) -> dict[str, Any]:
        """Return when the model says "none" instead of an answer, from `clip_scores` of the validation clips.

        Empty for a task that always answers.
        """
        return {}

    def read_by(self, evaluate: Any) -> None:
        """Take from the section ``evaluate`` how outputs are read, for a task that has a choice (``decoding``)."""

    def before_fit(
        self, data: ClipDataModule, machine: MachineParams, callbacks: Sequence[pl.Callback] = ()
    ) -> dict[str, float]:
        """Run once before the first epoch, only in the first process, and return metrics to log.

        The ``callbacks`` of the training may stop it between two batches (see `humotion.training.stop`).
        """
        return {}

    def parameter_groups(self, params: OptimizerParams) -> list[dict[str, Any]]:
        """Return groups for the optimiser; a task may set a separate learning rate for some layers."""
        return parameter_groups(self.model, params)

    def share_of_batch(self, size: int, batch_idx: int) -> tuple[int, float]:
        """Return the share of this device in the global batch, for a training batch of ``size`` samples.

        Returns:
            The number of samples in the global batch, and a factor on the mean over this device's samples. With this
            factor, the mean over all devices is the mean over the global batch, even if a last batch is uneven.
        """
        if self._trainer is None or self.trainer.world_size == 1:
            return size, 1.0
        mine, together = self.trainer.datamodule.share_of_batch(batch_idx)  # type: ignore[attr-defined]
        return together, mine * self.trainer.world_size / together

    def log_training(self, name: str, mean: Tensor, size: int, **more: Any) -> None:
        """Log the mean over an epoch of a value of training batches of ``size`` samples, over all devices.

        ``mean`` is that of this device times its share (see `share_of_batch`). ``size`` must be the same on all
        devices, because Lightning averages sizes as integers.
        """
        self.log(f"train/{name}", mean, on_step=False, on_epoch=True, batch_size=size, sync_dist=True, **more)

    def configure_optimizers(self) -> Any:
        """Return the optimiser, and a schedule that advances after every optimiser step."""
        params = self.optimizer_params
        if params is None:
            raise RuntimeError("This task was created for prediction and has no optimiser.")
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
    """Return groups of parameters with the same weight decay and the same learning rate.

    Weights decay; biases, norms, scalars, tokens and position embeddings do not. The learning rate of a parameter is
    that of ``params`` times ``factor_of(name)``, times the factor of its part of the model. A bias of a convolution or
    linear layer also has the factor of biases.

    Raises:
        HumotionError: ``params.lr_factors`` contains a part that the model does not have.
    """
    parts = {name.split(".")[0] for name, _ in model.named_parameters()}
    if unknown := params.lr_factors.keys() - parts:
        names = (", ".join(sorted(of)) for of in (unknown, parts))
        raise HumotionError("optimizer.lr_factors contains {}, but the model's parts are {}.".format(*names))
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
    """Return the factor on the learning rate: linear warm-up, then constant, in steps, or a half cosine to zero."""
    if step < warmup:
        return (step + 1) / warmup
    if params.step_every is not None:
        return params.step_factor ** (step // params.step_every)
    if params.schedule == "constant":
        return 1.0
    progress = (step - warmup) / max(1, total - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def task_class(name: str) -> type[Task]:
    """Return the LightningModule of a task, which its ``training/module.py`` defines.

    Raises:
        HumotionError: the name is unknown; the message lists the known names.
    """
    return choices.only_class(choices.load("tasks", name, "training.module"), Task)  # type: ignore[type-abstract]

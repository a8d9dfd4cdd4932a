"""Action recognition: one label per clip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from humotion.clips.datamodule import ClipDataModule, skeleton_of_clips
from humotion.clips.input import load_input
from humotion.errors import HumotionError
from humotion.params.experiment import OptimizerParams
from humotion.params.machine import MachineParams
from humotion.params.tasks.action_recognition import (
    ActionExperiment,
    ActionOptimizerParams,
    AnyLoss,
    CrossEntropyLossParams,
)
from humotion.tasks.action_recognition.training.abstention import abstention_of
from humotion.tasks.action_recognition.training.losses import make_loss
from humotion.tasks.action_recognition.training.mixing import Mixing
from humotion.tasks.action_recognition.training.model import (
    ActionModel,
    PretrainedModel,
    all_logits,
    name_classes,
    shown_to,
)
from humotion.tasks.action_recognition.training.outcomes import action_probabilities, scored_clips
from humotion.training.task import Batch, Task, parameter_groups


class ActionRecognition(Task):
    """Classification of clips into a dataset's classes; the parameters choose the loss.

    Attributes:
        mixing: how the clips of a training batch are mixed; None if they are not mixed.
        head_start: whether the head starts as a linear probe of the model's features.
    """

    main_metric: ClassVar[str] = "val/top1"
    output_columns: ClassVar[tuple[str, ...]] = ("video", "label", "probabilities")
    mixing: Mixing | None = None
    head_start: bool = False

    def __init__(
        self,
        architecture: dict[str, Any],
        optimizer: OptimizerParams | None = None,
        loss: AnyLoss = CrossEntropyLossParams(),  # noqa: B008 (immutable)
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(architecture, optimizer)
        self.loss_params, self.label_smoothing = loss, label_smoothing
        classes = architecture["num_classes"]
        self.set_class_counts(torch.ones(classes))
        self.metrics = MetricCollection(
            {
                "val/top1": MulticlassAccuracy(classes, average="micro"),
                "val/mean_class_accuracy": MulticlassAccuracy(classes, average="macro"),
                "val/macro_f1": MulticlassF1Score(classes, average="macro"),
            }
        )
        self.val_loss = MeanMetric(nan_strategy=math.nan)  # NaN stays NaN ("disable" ignores weights)

    @classmethod
    def from_experiment(cls, experiment: ActionExperiment, meta: dict[str, Any]) -> ActionRecognition:
        """Build the task of an action experiment, and load its pretrained weights if it has some."""
        model = experiment.model
        trainer, num_classes = experiment.trainer, len(meta["classes"])
        architecture = cls.architecture_of(
            model,
            num_classes=num_classes,
            num_frames=experiment.clips.num_frames,
            **load_input(experiment.input).facts(experiment.augment, skeleton_of_clips(meta)),
        )
        task = cls(architecture, experiment.optimizer, trainer.loss, trainer.label_smoothing)
        task.head_start = trainer.head_start
        if model.weights is not None:
            task.pretrained.load_pretrained(model.weights)
        name_classes(task.model, meta["classes"])
        if trainer.freeze_backbone or trainer.checkpoint_activations:
            backbone = task.backbone("trainer.freeze_backbone and trainer.checkpoint_activations")
            backbone.requires_grad_(not trainer.freeze_backbone)
            backbone.checkpointing = trainer.checkpoint_activations
        if trainer.mixup or trainer.cutmix:
            task.mixing = Mixing(trainer.mixup, trainer.cutmix, trainer.mix_probability, num_classes)
        return task

    @property
    def action_model(self) -> ActionModel:
        """The model, with the type that this task needs."""
        return cast(ActionModel, self.model)

    @property
    def pretrained(self) -> PretrainedModel:
        """The model, with the type that some settings need."""
        return cast(PretrainedModel, self.model)

    def backbone(self, needed_by: str) -> Any:
        """The part of the model that may be pretrained.

        Raises:
            HumotionError: the model has no such part, but the settings ``needed_by`` need it.
        """
        if not hasattr(self.model, "backbone"):
            raise HumotionError(f"{needed_by} need a model with a backbone, but {self.architecture['name']} has none.")
        return self.pretrained.backbone

    def before_fit(
        self, data: ClipDataModule, machine: MachineParams, callbacks: Sequence[pl.Callback] = ()
    ) -> dict[str, float]:
        """Fit the head first if ``head_start`` is set; the metric ``head_start/val_top1`` is its accuracy."""
        if not self.head_start:
            return {}
        from humotion.tasks.action_recognition.training.head_start import start_head  # slow import: 1 s

        return {"head_start/val_top1": start_head(self, data, machine, callbacks)}

    def setup(self, stage: str) -> None:
        """Before training, set the number of samples per class in an epoch of the plan, which the loss needs."""
        if stage == "fit":
            self.set_class_counts(self.trainer.datamodule.class_counts())  # type: ignore[attr-defined]

    def set_class_counts(self, class_counts: Tensor) -> None:
        """Create the loss for classes of these sizes (C,); before a training starts, all sizes are equal."""
        self.loss = make_loss(self.loss_params, self.label_smoothing, class_counts).to(self.device)

    def parameter_groups(self, params: OptimizerParams) -> list[dict[str, Any]]:
        """Return groups: the ViT with a rate that falls from layer to layer, and the rest with a multiple of it."""
        assert isinstance(params, ActionOptimizerParams)
        decay, factor = params.layer_decay, params.head_lr_factor
        if decay == factor == 1:
            return parameter_groups(self.model, params)
        self.backbone("optimizer.layer_decay and optimizer.head_lr_factor")
        share = self.pretrained.learning_rate_share
        return parameter_groups(self.model, params, lambda name: share(name, decay, head_factor=factor))

    def logits(self, batch: Batch) -> Tensor:
        """Return logits (B, num_classes) for a batch of samples."""
        return self.action_model(*shown_to(self.model, batch))

    def training_step(self, batch: Batch, batch_idx: int = 0) -> Tensor:
        """Return the chosen loss, with label smoothing; for mixed clips, the label with the larger share is correct.

        If the model has auxiliary classifiers, their losses are added.
        """
        shown, targets = shown_to(self.model, batch), batch["label"]
        if self.mixing is not None:
            frames, is_padding = shown  # only models that read frames alone have mixed clips
            *shown, targets = self.mixing(frames, is_padding, targets)
        logits, *auxiliary = all_logits(self.model, shown)
        loss: Tensor = self.loss(logits, targets)
        for others in auxiliary:
            loss = loss + self.loss(others, targets)
        heaviest = targets if targets.ndim == 1 else targets.argmax(1)
        accuracy = (logits.argmax(1) == heaviest).float().mean()
        size, share = self.share_of_batch(len(logits), batch_idx)
        self.log_training("loss", loss * share, size, prog_bar=True)
        self.log_training("top1", accuracy * share, size)
        return loss * share

    def validation_step(self, batch: Batch, batch_idx: int = 0) -> Tensor:
        """Update unsmoothed cross-entropy and accuracies, and return the logits (B, num_classes)."""
        logits = self.logits(batch)
        self.metrics.update(logits, batch["label"])
        self.val_loss.update(F.cross_entropy(logits, batch["label"]), len(logits))
        return logits

    def on_validation_epoch_end(self) -> None:
        """Log loss and accuracies over all validation clips."""
        self.log_dict({"val/loss": self.val_loss.compute(), **self.metrics.compute()}, prog_bar=True)
        self.metrics.reset()
        self.val_loss.reset()

    def clip_scores(self, data: ClipDataModule, split: str, machine: MachineParams) -> pd.DataFrame:
        """Return top-1 (weight 1 per clip), and what scores that are not means need (`scored_clips`)."""
        return scored_clips(*action_probabilities(self, data, split, machine))

    def abstention_of(self, scores: pd.DataFrame) -> dict[str, Any]:
        """See `humotion.tasks.action_recognition.training.abstention`."""
        probabilities, labels = np.stack(scores["probabilities"].to_list()), scores["label_id"].to_numpy()
        return abstention_of(probabilities, labels, scores["group"].nunique()).as_dict()

    def predict_step(self, batch: Batch, batch_idx: int = 0) -> dict[str, Tensor]:
        """Return ``probabilities`` (B, num_classes), ``embeddings`` (B, C) before the head, ``clip_index`` (B,)."""
        model = self.action_model
        embeddings = model.embed(*shown_to(model, batch))
        probabilities = torch.softmax(model.head(embeddings).float(), dim=1)
        return {
            "clip_index": batch["clip_index"].cpu(),
            "probabilities": probabilities.cpu(),
            "embeddings": embeddings.float().cpu(),
        }

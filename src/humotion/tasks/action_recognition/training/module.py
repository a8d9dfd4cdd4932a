"""Action recognition: one label for a clip of uniformly sampled frames."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from humotion.models.vit.checkpoint import load_timm_checkpoint
from humotion.params.experiment import OptimizerParams
from humotion.params.models.vit import LSViTParams
from humotion.params.tasks.action_recognition import (
    ActionExperiment,
    ActionOptimizerParams,
    AnyLoss,
    CrossEntropyLossParams,
)
from humotion.tasks.action_recognition.training.layer_decay import learning_rate_share
from humotion.tasks.action_recognition.training.losses import make_loss
from humotion.tasks.action_recognition.training.mixing import Mixing
from humotion.training.task import Batch, Task, parameter_groups


class ActionRecognition(Task):
    """A clip is of one of a dataset's classes; the loss is chosen in the parameters.

    ``mixing`` is how the clips of a training batch are mixed, None if they are not.
    """

    main_metric: ClassVar[str] = "val/top1"
    mixing: Mixing | None = None

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
        self.val_loss = MeanMetric()

    @classmethod
    def from_experiment(cls, experiment: ActionExperiment, meta: dict[str, Any]) -> ActionRecognition:
        """The task of an action experiment; pretrained weights are read if it names some."""
        model = experiment.model
        architecture = {
            **model.model_dump(exclude={"weights"}),
            "num_classes": len(meta["classes"]),
            "image_size": experiment.augment.size,
        }
        if isinstance(model, LSViTParams):
            architecture["num_frames"] = experiment.clips.num_frames
        trainer = experiment.trainer
        task = cls(architecture, experiment.optimizer, trainer.loss, trainer.label_smoothing)
        if model.weights is not None:
            load_timm_checkpoint(task.model.backbone, model.weights)  # type: ignore[arg-type]
        task.model.backbone.requires_grad_(not trainer.freeze_backbone)
        task.model.backbone.checkpointing = trainer.checkpoint_activations  # type: ignore[union-attr]
        if trainer.mixup or trainer.cutmix:
            task.mixing = Mixing(trainer.mixup, trainer.cutmix, trainer.mix_probability, architecture["num_classes"])
        return task

    def setup(self, stage: str) -> None:
        """Before training: tell the loss how many samples of each class an epoch of the plan holds."""
        if stage == "fit":
            self.set_class_counts(self.trainer.datamodule.class_counts())  # type: ignore[attr-defined]

    def set_class_counts(self, class_counts: Tensor) -> None:
        """Make the loss for classes of these sizes (C,); until a training begins all are taken to be equal."""
        self.loss = make_loss(self.loss_params, self.label_smoothing, class_counts).to(self.device)

    def parameter_groups(self, params: OptimizerParams) -> list[dict[str, Any]]:
        """The ViT at the learning rate, falling from layer to layer; what is added to it at a multiple of it."""
        assert isinstance(params, ActionOptimizerParams)
        depth = len(self.model.backbone.blocks)  # type: ignore[arg-type, union-attr]
        decay, factor = params.layer_decay, params.head_lr_factor
        return parameter_groups(
            self.model, params, lambda name: learning_rate_share(name, depth, decay, head_factor=factor)
        )

    def logits(self, batch: Batch) -> Tensor:
        """(B, num_classes) of uint8 frames (B, T, K, C, H, W)."""
        frames = self.model.normalise(batch["frames"])  # type: ignore[operator]
        logits: Tensor = self.model(frames, batch["is_padding"])
        return logits

    def training_step(self, batch: Batch, batch_idx: int = 0) -> Tensor:
        """The loss of the parameters, with label smoothing; of mixed clips the heavier label counts as right."""
        frames = self.model.normalise(batch["frames"])  # type: ignore[operator]
        is_padding, targets = batch["is_padding"], batch["label"]
        if self.mixing is not None:
            frames, is_padding, targets = self.mixing(frames, is_padding, targets)
        logits: Tensor = self.model(frames, is_padding)
        loss: Tensor = self.loss(logits, targets)
        heaviest = targets if targets.ndim == 1 else targets.argmax(1)
        accuracy = (logits.argmax(1) == heaviest).float().mean()
        size, share = self.share_of_batch(len(logits), batch_idx)
        self.log_training("loss", loss * share, size, prog_bar=True)
        self.log_training("top1", accuracy * share, size)
        return loss * share

    def validation_step(self, batch: Batch, batch_idx: int = 0) -> None:
        """Unsmoothed cross-entropy and accuracies."""
        logits = self.logits(batch)
        self.metrics.update(logits, batch["label"])
        self.val_loss.update(F.cross_entropy(logits, batch["label"]), len(logits))

    def on_validation_epoch_end(self) -> None:
        """Log loss and accuracies over all validation clips."""
        self.log_dict({"val/loss": self.val_loss.compute(), **self.metrics.compute()}, prog_bar=True)
        self.metrics.reset()
        self.val_loss.reset()

    def predict_step(self, batch: Batch, batch_idx: int = 0) -> dict[str, Tensor]:
        """``probabilities`` (B, num_classes), ``embeddings`` (B, C) before the head, and ``clip_index`` (B,)."""
        model: Any = self.model
        embeddings = model.embed(model.normalise(batch["frames"]), batch["is_padding"])
        probabilities = torch.softmax(model.head(embeddings).float(), dim=1)
        return {
            "clip_index": batch["clip_index"].cpu(),
            "probabilities": probabilities.cpu(),
            "embeddings": embeddings.float().cpu(),
        }

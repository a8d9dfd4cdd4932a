"""The section ``evaluate`` of an experiment in params.yaml."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from humotion.params.experiment import (
    EvaluateParams,
    Experiment,
    OptimizerParams,
    RegisterParams,
    TrainerParams,
    UniformClipParams,
)
from humotion.params.inputs import WholeFrameParams
from humotion.params.models.vit import LSViTParams, ViTParams
from humotion.params.section import Section


class ActionOptimizerParams(OptimizerParams):
    """The optimiser of action recognition: layers beside the ViT may learn faster than the ViT."""

    head_lr_factor: float = Field(1.0, gt=0, description="on the lr of everything that is not the ViT itself")
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="on the lr of each layer of the ViT, relative to the one above; 1: all alike"
    )


class CrossEntropyLossParams(Section):
    """Every clip counts alike."""

    name: Literal["cross_entropy"] = "cross_entropy"


class ClassBalancedLossParams(Section):
    """Clips weighted by the effective number of samples of their class."""

    name: Literal["class_balanced"]
    beta: float = Field(0.999, ge=0, le=1, description="0: all classes alike; 1: inversely by frequency")


class FocalLossParams(Section):
    """Clips that are right already count less."""

    name: Literal["focal"]
    gamma: float = Field(2.0, ge=0, description="0 is cross-entropy")


class LogitAdjustmentLossParams(Section):
    """Logits shifted by the classes' log priors in training."""

    name: Literal["logit_adjustment"]
    tau: float = Field(1.0, ge=0, description="0 is cross-entropy")


AnyLoss = CrossEntropyLossParams | ClassBalancedLossParams | FocalLossParams | LogitAdjustmentLossParams


class ActionTrainerParams(TrainerParams):
    """The training loop of action recognition."""

    loss: Annotated[AnyLoss, Field(discriminator="name")] = CrossEntropyLossParams()
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="of whichever loss")
    freeze_backbone: bool = Field(False, description="the ViT stays as it is; head and motion modules are trained")
    head_start: bool = Field(
        False, description="the head begins as a logistic regression on the frozen features, not at random"
    )
    mixup: float = Field(0.0, ge=0, description="alpha of the Beta distribution two clips are blended by; 0: none")
    cutmix: float = Field(0.0, ge=0, description="the same for a box pasted from one clip into another")
    mix_probability: float = Field(1.0, ge=0, le=1, description="of a batch being mixed, where there is mixing")
    checkpoint_activations: bool = Field(
        False, description="blocks are computed again in the backward pass: less memory for more time"
    )


class ViewParams(Section):
    """Views of a test clip whose probabilities are averaged: moments times crops."""

    temporal: int = Field(1, ge=1, description="sets of frames, shifted within the segments of the sampling")
    spatial: Literal[1, 3] = Field(1, description="3: both ends and the centre of the frame's long side")

    @property
    def name(self) -> str:
        """As it is written in papers: 2x3."""
        return f"{self.temporal}x{self.spatial}"


class ActionEvaluateParams(EvaluateParams):
    """How the test clips are looked at; beside the main scores, which are always of one view in its natural order."""

    views: ViewParams = ViewParams()
    frame_orders: tuple[Literal["shuffled", "reversed"], ...] = Field(
        (), description="the same clips with their frames in another order, to see what the order is worth"
    )
    linear_probe: bool = Field(
        False,
        description="a baseline: logistic regression on frozen features of the weights that training began at",
    )

    @field_validator("frame_orders")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("frame_orders names an order twice")
        return value


class ActionRegisterParams(RegisterParams):
    """Actions are compared by one of these scores."""

    metric: Literal["top1", "macro_f1", "mean_class_accuracy"] = "top1"


class ActionExperiment(Experiment):
    """Which action is it?"""

    learns_labels: ClassVar[bool] = True

    task: Literal["action_recognition"]
    input: Literal["whole_frames"]
    clips: UniformClipParams = UniformClipParams()
    augment: WholeFrameParams = WholeFrameParams()
    model: Annotated[LSViTParams | ViTParams, Field(discriminator="name")]
    optimizer: ActionOptimizerParams
    trainer: ActionTrainerParams
    evaluate: ActionEvaluateParams = ActionEvaluateParams()
    register_: ActionRegisterParams = Field(ActionRegisterParams(), alias="register")

    @model_validator(mode="after")
    def _a_probe_has_weights(self) -> ActionExperiment:
        if self.evaluate.linear_probe and self.model.weights is None:
            raise ValueError(
                "evaluate.linear_probe needs model.weights, the pretrained weights whose features it reads"
            )
        return self

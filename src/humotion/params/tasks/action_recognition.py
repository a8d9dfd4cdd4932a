"""An experiment of action recognition in params.yaml."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from humotion.params.experiment import (
    EvaluateParams,
    EveryWindowClipParams,
    Experiment,
    OptimizerParams,
    RegisterParams,
    TrainerParams,
    UniformClipParams,
)
from humotion.params.inputs import JointFeatureParams, LandmarkParams, WholeFrameParams
from humotion.params.models.ctr_gcn import CTRGCNParams
from humotion.params.models.ddnet import DDNetParams
from humotion.params.models.efficientnet import EfficientNetParams
from humotion.params.models.gru import BiGRUParams
from humotion.params.models.hp_net import HPNetParams
from humotion.params.models.landmark_lstm import LandmarkLSTMParams
from humotion.params.models.linear_probe import LinearProbeParams
from humotion.params.models.vit import LSViTParams, ViTParams
from humotion.params.section import Section


class ActionOptimizerParams(OptimizerParams):
    """The optimiser of action recognition: layers outside the ViT may learn faster than the ViT."""

    head_lr_factor: float = Field(1.0, gt=0, description="multiplies the lr of everything that is not the ViT itself")
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="lr of each layer of the ViT, relative to the layer above it; 1: all equal"
    )


class CrossEntropyLossParams(Section):
    """Every clip has the same weight."""

    name: Literal["cross_entropy"] = "cross_entropy"


class ClassBalancedLossParams(Section):
    """Clips weighted by the effective number of samples of their class."""

    name: Literal["class_balanced"]
    beta: float = Field(
        0.999, ge=0, le=1, description="0: all classes have the same weight; 1: weights are inverse to class frequency"
    )


class FocalLossParams(Section):
    """Clips that the model already classifies correctly count less."""

    name: Literal["focal"]
    gamma: float = Field(2.0, ge=0, description="0 is cross-entropy")


class LogitAdjustmentLossParams(Section):
    """In training, logits are shifted by the log priors of the classes."""

    name: Literal["logit_adjustment"]
    tau: float = Field(1.0, ge=0, description="0 is cross-entropy")


AnyLoss = CrossEntropyLossParams | ClassBalancedLossParams | FocalLossParams | LogitAdjustmentLossParams


class ActionTrainerParams(TrainerParams):
    """The training loop of action recognition."""

    loss: Annotated[AnyLoss, Field(discriminator="name")] = CrossEntropyLossParams()
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="applies to every loss")
    freeze_backbone: bool = Field(False, description="the ViT is not trained; the head and the motion modules are")
    head_start: bool = Field(
        False, description="the head starts as a logistic regression on the frozen features, not at random"
    )
    mixup: float = Field(
        0.0, ge=0, description="alpha of the Beta distribution of the weight that blends two clips; 0: none"
    )
    cutmix: float = Field(0.0, ge=0, description="the same for a box that is pasted from one clip into another")
    mix_probability: float = Field(
        1.0, ge=0, le=1, description="probability that a batch is mixed, if mixup or cutmix is on"
    )
    checkpoint_activations: bool = Field(
        False, description="blocks are computed again in the backward pass: less memory, more time"
    )


class ViewParams(Section):
    """Views of a test clip, whose probabilities are averaged: ``temporal`` times ``spatial`` views."""

    temporal: int = Field(1, ge=1, description="sets of frames, shifted within the segments of the sampling")
    spatial: Literal[1, 3] = Field(1, description="3: crops at both ends and at the centre of the frame's long side")

    @property
    def name(self) -> str:
        """The name as papers write it: 2x3."""
        return f"{self.temporal}x{self.spatial}"


class ActionEvaluateParams(EvaluateParams):
    """More ways to score the test clips. The main scores always come from one view in its natural order."""

    views: ViewParams = ViewParams()
    frame_orders: tuple[Literal["shuffled", "reversed"], ...] = Field(
        (), description="the same clips with their frames in another order: how much does the order matter?"
    )
    linear_probe: bool = Field(
        False,
        description="a baseline: logistic regression on frozen features of the weights that training starts from",
    )

    @field_validator("frame_orders")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("frame_orders names an order twice")
        return value


class ActionRegisterParams(RegisterParams):
    """One of these scores compares a new version with the champion."""

    metric: Literal["top1", "macro_f1", "mean_class_accuracy"] = "top1"


OnFrames = LSViTParams | ViTParams | EfficientNetParams
OnLandmarks = LandmarkLSTMParams | BiGRUParams | DDNetParams | CTRGCNParams
OnFeatures = HPNetParams | LinearProbeParams


# Tags in parentheses are no keys of params.yaml (`humotion.params.complaint`).
def _kind_of_augment(value: Any) -> str:
    """Tell sections ``augment`` apart: those of joints must say which, and that of features how many channels."""
    if not isinstance(value, dict):
        gives: str = value.gives
        return f"({gives})"
    if "channels" in value:
        return "(joint_features)"
    return "(landmarks)" if "joints" in value else "(frames)"


def _kind_of_clips(value: Any) -> str:
    """Tell sections ``clips`` apart; clips are sampled uniformly if they do not say how."""
    sampling = value.get("sampling", "uniform") if isinstance(value, dict) else value.sampling
    return "(windows)" if sampling == "windows" else "(uniform)"


class ActionExperiment(Experiment):
    """An experiment that classifies the action of a clip."""

    learns_labels: ClassVar[bool] = True

    task: Literal["action_recognition"]
    input: Literal["whole_frames", "landmarks", "joint_features"]
    clips: Annotated[
        Annotated[UniformClipParams, Tag("(uniform)")] | Annotated[EveryWindowClipParams, Tag("(windows)")],
        Discriminator(_kind_of_clips),
    ] = UniformClipParams()
    augment: Annotated[
        Annotated[WholeFrameParams, Tag("(frames)")]
        | Annotated[LandmarkParams, Tag("(landmarks)")]
        | Annotated[JointFeatureParams, Tag("(joint_features)")],
        Discriminator(_kind_of_augment),
    ] = WholeFrameParams()
    model: Annotated[OnFrames | OnLandmarks | OnFeatures, Field(discriminator="name")]
    optimizer: ActionOptimizerParams
    trainer: ActionTrainerParams
    evaluate: ActionEvaluateParams = ActionEvaluateParams()
    register_: ActionRegisterParams = Field(ActionRegisterParams(), alias="register")

    @model_validator(mode="after")
    def _the_model_reads_what_the_input_gives(self) -> ActionExperiment:
        by_input = {"landmarks": "landmarks", "joint_features": "joint_features"}
        if self.augment.gives != by_input.get(self.input, "frames"):
            needs = {
                "landmarks": "needs augment.joints (all or body), and has no augment.channels",
                "joint_features": "needs augment.joints (all or body) and augment.channels",
            }.get(self.input, "has no augment.joints")
            raise ValueError(f"input: {self.input} {needs}")
        if self.model.reads != self.augment.gives:
            fitting = {"frames": "whole_frames"}.get(self.model.reads, self.model.reads)
            raise ValueError(
                f"model {self.model.name} reads {self.model.reads}, but input: {self.input} gives "
                f"{self.augment.gives}. Set input: {fitting}, or choose another model"
            )
        return self

    @model_validator(mode="after")
    def _settings_of_pictures_have_pictures(self) -> ActionExperiment:
        if self.augment.gives == "frames":
            return self
        asked = {
            "trainer.mixup": self.trainer.mixup,
            "trainer.cutmix": self.trainer.cutmix,
            "evaluate.views.spatial": self.evaluate.views.spatial > 1,
            "evaluate.linear_probe": self.evaluate.linear_probe,
        }
        if used := [name for name, value in asked.items() if value]:
            raise ValueError(f"{used[0]} is for pictures, but input: {self.input} shows the model none")
        return self

    @model_validator(mode="after")
    def _windows_are_shown_once(self) -> ActionExperiment:
        if isinstance(self.clips, EveryWindowClipParams) and self.evaluate.views.temporal > 1:
            raise ValueError("evaluate.views.temporal is for clips of complete videos, but clips are windows")
        return self

    @model_validator(mode="after")
    def _a_probe_has_weights(self) -> ActionExperiment:
        if self.evaluate.linear_probe and self.model.weights is None:
            raise ValueError(
                "evaluate.linear_probe needs model.weights: it reads the features of these pretrained weights"
            )
        return self

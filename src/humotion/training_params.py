"""The sections ``optimizer`` and ``trainer`` of an experiment in params.yaml, and the losses to choose from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from humotion.section import Section


class OptimizerParams(Section):
    """Optimiser and learning-rate schedule."""

    name: Literal["adamw", "sgd"] = "adamw"
    lr: float = Field(gt=0)
    weight_decay: float = Field(0.05, ge=0, description="not applied to biases, norms and scalars")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    bias_lr_factor: float = Field(1.0, gt=0, description="on the lr of the biases of convolutions and linear layers")
    lr_factors: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {}, description="on the lr of parts of the model, by their names: {convnet1: 5}"
    )
    schedule: Literal["cosine", "constant", "step"] = "cosine"
    step_every: int | None = Field(None, ge=1, description="optimiser steps between two drops of the step schedule")
    step_factor: float = Field(0.333, gt=0, lt=1, description="of the step schedule")
    warmup_epochs: float = Field(0, ge=0)

    @model_validator(mode="after")
    def _steps_have_a_length(self) -> OptimizerParams:
        if (self.schedule == "step") != (self.step_every is not None):
            raise ValueError("step_every belongs to schedule: step, which needs it")
        return self


class ActionOptimizerParams(OptimizerParams):
    """The optimiser of action recognition: layers beside the ViT may learn faster than the ViT."""

    head_lr_factor: float = Field(1.0, gt=0, description="on the lr of everything that is not the ViT itself")
    layer_decay: float = Field(
        1.0, gt=0, le=1, description="on the lr of each layer of the ViT, relative to the one above; 1: all alike"
    )


class EarlyStoppingParams(Section):
    """When a training ends before its time, judged by the metric that chooses the epoch, on validation clips."""

    patience: int = Field(ge=1, description="epochs without a gain after which training ends")
    min_delta: float = Field(0.0, ge=0, description="what counts as a gain must surpass this")


class TrainerParams(Section):
    """The training loop. ``batch_size`` is global: it is shared out over the devices."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    accumulate: int = Field(1, ge=1)
    gradient_clip: float | None = Field(None, gt=0, description="largest norm of all gradients together")
    ema: float | None = Field(
        None, gt=0, lt=1, description="decay of the running average of the weights that is validated and kept"
    )
    early_stopping: EarlyStoppingParams | None = Field(None, description="null: every epoch is trained")


class TargetParams(Section):
    """Which heatmaps a pose model learns."""

    sigma_px: float = Field(7.0, gt=0, description="of the Gaussians, in pixels of the crop; 7 is 0.875 of a cell")
    mask_beyond_box: float | None = Field(
        None, ge=0, description="joints outside the box, enlarged by this share of shoulder to opposite hip, get no map"
    )


class PoseTrainerParams(TrainerParams):
    """The training loop of pose estimation."""

    targets: TargetParams = TargetParams()


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


class RegisterParams(Section):
    """When a new version takes the champion's place, decided on validation clips alone."""

    metric: str
    min_gain: float = Field(0.0, ge=0, description="validation gain over the champion that is asked for")
    bootstrap: int = Field(2000, ge=100, description="resamples of the paired bootstrap over groups")


class ActionRegisterParams(RegisterParams):
    """Actions are compared by one of these scores."""

    metric: Literal["top1", "macro_f1", "mean_class_accuracy"] = "top1"


class PoseRegisterParams(RegisterParams):
    """Poses are compared by the share of joints found, at one of these distances."""

    metric: Literal["pck_0.2", "pck_0.1", "pck_0.05"] = "pck_0.2"

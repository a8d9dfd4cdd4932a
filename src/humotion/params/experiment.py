"""The sections that every experiment in params.yaml has, whatever its task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from humotion.params.section import Section

BLOCKS, LEAKY_WINDOWS = "blocks", "leaky_windows"
WITHIN_VIDEOS = (BLOCKS, LEAKY_WINDOWS)
"""The values of ``clips.split`` that divide each video."""


class LongTailParams(Section):
    """Training clips thinned out to an exponential profile of class sizes, to study imbalance."""

    ratio: float = Field(10.0, ge=1, description="clips of the largest class, divided by clips of the smallest")
    seed: int = Field(0, ge=0, description="decides which classes become small, and which clips stay")


class ClipParams(Section):
    """The clips: their split, their validation fold, and how frames are sampled."""

    split: str = Field(
        "split_1",
        description="an official split; grouped: a split made of all videos, by group; with windows also blocks: "
        "parts of each video, with gaps; leaky_windows: windows at random, as tutorials do, which leaks",
    )
    validation_folds: int = Field(5, ge=2)
    validation_fold: int = Field(0, ge=0)
    sampling: str
    num_frames: int = Field(ge=1)

    @model_validator(mode="after")
    def _fold_exists(self) -> ClipParams:
        if self.validation_fold >= self.validation_folds:
            raise ValueError(f"validation_fold must be below validation_folds ({self.validation_folds})")
        if self.split in WITHIN_VIDEOS and not isinstance(self, EveryWindowClipParams):
            raise ValueError(f"split: {self.split} divides videos, so it needs sampling: windows")
        return self


class UniformClipParams(ClipParams):
    """Uniformly spaced frames over the complete clip; the last frame is repeated if the clip is too short."""

    sampling: Literal["uniform"] = "uniform"
    num_frames: int = Field(16, ge=1)
    long_tail: LongTailParams | None = None


class WindowClipParams(ClipParams):
    """Windows of consecutive frames for training; validation and test read complete videos."""

    sampling: Literal["consecutive"] = "consecutive"
    num_frames: int = Field(5, ge=1)
    stride: int = Field(5, ge=1, description="frames between the starts of neighbouring windows")


class EveryWindowClipParams(ClipParams):
    """Windows of consecutive frames in training, validation and test: an action that lasts as long as the recording."""

    sampling: Literal["windows"]
    num_frames: int = Field(10, ge=1)
    stride: int = Field(1, ge=1, description="frames between the starts of neighbouring windows")


class TransformParams(BaseModel):
    """One albumentations transform: its class name and its keyword arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of the transform."""
        return dict(self.model_extra or {})


class AugmentParams(Section):
    """Class balance, replicas per epoch, and the augmentation policy of training clips.

    Attributes:
        gives: what an input with this section shows to a model.
    """

    gives: ClassVar[str] = "frames"

    balance: Literal["none", "oversample", "undersample", "square_root"] = "none"
    replicas: int = Field(1, ge=1, description="differently augmented copies of a training clip in an epoch")
    size: int = Field(ge=16, description="side of the square frames that the model sees, in pixels")
    policy: tuple[TransformParams, ...] = ()


class OptimizerParams(Section):
    """Optimiser and learning-rate schedule."""

    name: Literal["adamw", "sgd"] = "adamw"
    lr: float = Field(gt=0)
    weight_decay: float = Field(0.05, ge=0, description="not applied to biases, norms and scalars")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    bias_lr_factor: float = Field(
        1.0, gt=0, description="multiplies the lr of the biases of convolutions and linear layers"
    )
    lr_factors: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {}, description="multiplies the lr of parts of the model, by their names: {convnet1: 5}"
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


class EarlyStoppingParams(Section):
    """When a training ends early. The metric that chooses the epoch decides, on validation clips."""

    patience: int = Field(ge=1, description="epochs without a gain after which training ends")
    min_delta: float = Field(0.0, ge=0, description="a gain must be larger than this to count")


class TrainerParams(Section):
    """The training loop. ``batch_size`` is global: the devices share it."""

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "auto"] = Field(
        "32-true", description="auto: bf16-mixed on a GPU or CPU that computes with bfloat16 itself, else 32-true"
    )
    accumulate: int = Field(1, ge=1)
    gradient_clip: float | None = Field(None, gt=0, description="maximum norm of all gradients together")
    ema: float | None = Field(
        None, gt=0, lt=1, description="decay of the running average of the weights, which is validated and kept"
    )
    early_stopping: EarlyStoppingParams | None = Field(None, description="null: every epoch is trained")


class EvaluateParams(Section):
    """Evaluation on the official test split."""

    overlays: int = Field(4, ge=0, description="test clips drawn as videos")
    bootstrap: int = Field(2000, ge=100, description="resamples of the paired bootstrap over groups")


class RegisterParams(Section):
    """When a new version replaces the champion; only validation clips decide."""

    metric: str
    min_gain: float = Field(
        0.0, ge=0, description="the lower end of a 95 % interval of the validation gain must be above this"
    )
    bootstrap: int = Field(2000, ge=100, description="resamples of the paired bootstrap over groups")


class ModelParams(Section):
    """What every model has: its family (a folder in ``models/``), and the name by which the family builds it.

    Attributes:
        reads: what it needs of an input (see `AugmentParams.gives`).
    """

    reads: ClassVar[str] = "frames"

    family: str
    name: str
    weights: Path | str | None = None


class Experiment(Section):
    """What every experiment has: a task, a dataset, the input of its model, and how that is trained and scored.

    ``layer`` is a name under ``layers``, or "labels": what the dataset itself shipped.

    Attributes:
        learns_labels: clips are classified, so every class needs training clips.
    """

    learns_labels: ClassVar[bool] = False

    task: str
    dataset: str
    layer: str
    input: str
    seed: int = Field(0, ge=0)
    clips: ClipParams
    augment: AugmentParams
    model: ModelParams
    optimizer: OptimizerParams
    trainer: TrainerParams
    evaluate: EvaluateParams = EvaluateParams()
    register_: RegisterParams = Field(alias="register")

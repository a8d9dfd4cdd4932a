"""The sections of params.yaml about data: ``datasets.<name>``, and ``clips`` and ``augment`` of an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from humotion.section import Section


class FrameParams(Section):
    """How decoded frames are kept."""

    short_side: int = Field(240, ge=16, description="frames are shrunk to this short side, never enlarged")
    jpeg_quality: int = Field(90, ge=1, le=100)
    shards: int = Field(16, ge=1, le=4096, description="files in the frame store; a video's shard never changes")


class DecodeParams(Section):
    """How videos are decoded."""

    device: Literal["cpu", "cuda"] = Field(
        "cpu", description="cuda: on the GPU what it can decode, the rest on the CPU"
    )


class DatasetParams(Section):
    """Raw footage: where it lies and in which official layout."""

    layout: str
    root: Path
    decode: DecodeParams = DecodeParams()
    frames: FrameParams = FrameParams()


class ClipParams(Section):
    """Which clips: the split, the validation fold, and how frames are sampled."""

    split: str = Field("split_1", description="an official split, or grouped: one made of all videos, by group")
    validation_folds: int = Field(5, ge=2)
    validation_fold: int = Field(0, ge=0)
    num_frames: int = Field(ge=1)

    @model_validator(mode="after")
    def _fold_exists(self) -> ClipParams:
        if self.validation_fold >= self.validation_folds:
            raise ValueError(f"validation_fold must be below validation_folds ({self.validation_folds})")
        return self


class LongTailParams(Section):
    """Training clips thinned out to an exponential profile of class sizes, to study imbalance."""

    ratio: float = Field(10.0, ge=1, description="clips of the largest class over clips of the smallest")
    seed: int = Field(0, ge=0, description="decides which classes are small, and which clips stay")


class ActionClipParams(ClipParams):
    """Uniformly spaced frames over the whole clip, the last one repeated where a clip is too short."""

    sampling: Literal["uniform"] = "uniform"
    num_frames: int = Field(16, ge=1)
    long_tail: LongTailParams | None = None


class PoseClipParams(ClipParams):
    """Windows of consecutive frames for training; validation and test read whole videos."""

    sampling: Literal["consecutive"] = "consecutive"
    num_frames: int = Field(5, ge=1)
    stride: int = Field(5, ge=1, description="frames between the starts of neighbouring windows")


class TransformParams(BaseModel):
    """One albumentations transform: its class name and its keyword arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of the transform."""
        return dict(self.model_extra or {})


class AugmentParams(Section):
    """Class balance, replicas an epoch, and the augmentation policy of training clips."""

    balance: Literal["none", "oversample", "undersample", "square_root"] = "none"
    replicas: int = Field(1, ge=1, description="differently augmented copies of a training clip in an epoch")
    size: int = Field(ge=16, description="side of the square frames that the model sees, in pixels")
    policy: tuple[TransformParams, ...] = ()


class ActionAugmentParams(AugmentParams):
    """Whole frames: training by the policy, evaluation by a centre crop."""

    size: int = Field(224, ge=16)


class PoseGeometryParams(Section):
    """One scale, rotation and mirroring a training clip, drawn before its frames are cropped."""

    scale: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = Field(
        (1.0, 1.0), description="least and largest, relative to the crops of evaluation"
    )
    rotate: float = Field(0.0, ge=0, le=180, description="degrees at most, to either side")
    flip: float = Field(0.0, ge=0, le=1, description="probability of mirroring")

    @field_validator("scale")
    @classmethod
    def _in_order(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise ValueError("scale gives the least first, then the largest")
        return value


class PoseAugmentParams(AugmentParams):
    """Person-centred crops: one scale a clip, one centre a frame."""

    size: int = Field(368, ge=16)
    person_scale: float = Field(1.25, gt=0, description="side of the crop over the clip's largest box side")
    pixel_scale: float | None = Field(
        None, gt=0, description="instead: pixels of the crop over pixels of the stored frame, whoever is in it"
    )
    geometry: PoseGeometryParams | None = None

"""The section ``augment`` of an experiment: one class per ``input``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from humotion.params.experiment import AugmentParams, TransformParams
from humotion.params.section import Section


class WholeFrameParams(AugmentParams):
    """Complete frames, or a square around the main person: training uses the policy, evaluation a centre crop."""

    size: int = Field(224, ge=16)
    around: Literal["frame", "person"] = Field(
        "frame",
        description="person: a square that follows the main person of the experiment's layer, or of the labels; the "
        "whole frame where nobody was found",
    )
    person_scale: float = Field(
        1.5, gt=0, description="with around: person: side of the square, divided by the clip's largest box side"
    )


class GeometryParams(Section):
    """One scale, rotation and mirroring per training clip, drawn before its frames are cropped."""

    scale: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = Field(
        (1.0, 1.0), description="smallest and largest, relative to the crops of evaluation"
    )
    rotate: float = Field(0.0, ge=0, le=180, description="maximum angle in degrees, in both directions")
    flip: float = Field(0.0, ge=0, le=1, description="probability of mirroring")

    @field_validator("scale")
    @classmethod
    def _in_order(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise ValueError("scale must have the smallest value first, then the largest")
        return value


class PersonCropParams(AugmentParams):
    """Crops around one person: one scale per clip, one centre per frame."""

    size: int = Field(368, ge=16)
    person_scale: float = Field(1.25, gt=0, description="side of the crop, divided by the clip's largest box side")
    pixel_scale: float | None = Field(
        None, gt=0, description="instead: pixels of the crop per pixel of the stored frame, for every person alike"
    )
    boxes: Literal["labels", "layer"] = Field(
        "labels", description="whose boxes of the person the crops are cut around; layer: as found by the tool"
    )
    geometry: GeometryParams | None = None


class PictureParams(AugmentParams):
    """Complete pictures with all people. The policy may change colours alone; the geometry also moves masks."""

    gives: ClassVar[str] = "pictures"

    size: int = Field(192, ge=32, multiple_of=32, description="side of the square around the picture, in pixels")
    geometry: GeometryParams | None = Field(None, description="scale, rotation and mirroring of a training picture")


class LandmarkParams(AugmentParams):
    """Landmarks of a person over time, of the experiment's layer or of the dataset itself (``layer: labels``)."""

    gives: ClassVar[str] = "landmarks"

    joints: Literal["all", "body"] = Field(
        description="all of the joint set; body: 13 of them (head, shoulders, elbows, wrists, hips, knees, ankles)"
    )
    values: Literal["xy", "xyz", "xyz_visibility"] = Field("xy", description="what a model sees of each landmark")
    coordinates: Literal["image", "world"] = Field("image", description="world: metres, if the layer has them")
    placement: Literal["frame", "clip", "raw"] = Field(
        "frame",
        description="frame: the hips of each frame are the origin and the torso is the unit; clip: one origin per "
        "clip; raw: as the tool gave them, relative to width and height",
    )
    longest_gap: int | None = Field(
        None, ge=0, description="frames without the landmark that are filled between two with it; null: any number"
    )
    geometry: GeometryParams | None = Field(None, description="scale, rotation and mirroring of a training clip")
    time_jitter: float = Field(
        0.0, ge=0, le=1, description="sampled times of a training clip are moved by up to half of this share of a step"
    )
    size: int = Field(224, ge=16, description="side of the drawings of the plan, in pixels; no model sees them")

    @field_validator("policy")
    @classmethod
    def _has_no_pictures(cls, value: tuple[TransformParams, ...]) -> tuple[TransformParams, ...]:
        if value:
            raise ValueError("transforms of pictures do not apply to landmarks. Use geometry and time_jitter")
        return value


class JointFeatureParams(LandmarkParams):
    """Features at the joints of a person, of a layer of the tool ``joint_features``, and the landmarks themselves."""

    gives: ClassVar[str] = "joint_features"

    channels: int = Field(ge=1, description="of the layer's features: 384 of a ViT-S, 1280 of EfficientNet-Lite0")

    @field_validator("geometry")
    @classmethod
    def _features_have_no_mirror_image(cls, value: GeometryParams | None) -> GeometryParams | None:
        if value is not None and value.flip > 0:
            raise ValueError("flip must be 0: the features were read once, from pictures that are not mirrored")
        return value

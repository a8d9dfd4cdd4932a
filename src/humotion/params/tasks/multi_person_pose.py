"""An experiment of multi-person pose in params.yaml."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag, model_validator

from humotion.params.experiment import (
    WITHIN_VIDEOS,
    EvaluateParams,
    EveryWindowClipParams,
    Experiment,
    RegisterParams,
    UniformClipParams,
)
from humotion.params.inputs import PersonCropParams, PictureParams
from humotion.params.models.associative_embedding import AssociativeEmbeddingParams
from humotion.params.models.hourglass import HourglassParams
from humotion.params.models.open_pose import OpenPoseMobileNetParams, OpenPoseParams
from humotion.params.models.person_lab import PersonLabParams
from humotion.params.models.stacked import PeopleModelParams
from humotion.params.section import Section

AnyPeopleModel = (
    OpenPoseParams | OpenPoseMobileNetParams | AssociativeEmbeddingParams | PersonLabParams | HourglassParams
)


class PictureClipParams(UniformClipParams):
    """One frame per video: the image, or the middle of a sequence."""

    num_frames: Literal[1] = 1


class FrameClipParams(EveryWindowClipParams):
    """Every frame of every video is a picture: for sequences. All of a sequence are in one split."""

    num_frames: Literal[1] = 1
    stride: Literal[1] = 1

    @model_validator(mode="after")
    def _sequences_stay_whole(self) -> FrameClipParams:
        if self.split in WITHIN_VIDEOS:
            raise ValueError(f"split: {self.split} divides sequences, whose frames are nearly alike: name another one")
        return self


def _kind_of_clips(value: Any) -> str:
    """Tell sections ``clips`` apart; one that does not say how frames are sampled takes one per video."""
    sampling = value.get("sampling") if isinstance(value, dict) else value.sampling
    return "(every frame)" if sampling == "windows" else "(one frame)"


class PeopleEvaluateParams(EvaluateParams):
    """How people are read from maps, and where a model of crops looks for them."""

    decoding: dict[str, Any] = Field(
        {}, description="thresholds of the model's decoder that differ from its defaults; no training depends on them"
    )
    boxes: Literal["labels", "layer"] = Field(
        "labels", description="for a model of crops: whose boxes of people it looks into; layer: as found by the tool"
    )


class PeopleRegisterParams(RegisterParams):
    """One of these scores compares a new version with the champion."""

    metric: Literal["ap", "ap_50"] = "ap"


def _kind_of_augment(value: Any) -> str:
    """Tell sections ``augment`` apart: crops say how large a person is in them."""
    if not isinstance(value, dict):
        gives: str = value.gives
        return "(pictures)" if gives == "pictures" else "(crops)"
    return "(crops)" if value.keys() & {"person_scale", "pixel_scale", "boxes"} else "(pictures)"


class MultiPersonExperiment(Experiment):
    """An experiment that finds the joints of all people in a picture."""

    task: Literal["multi_person_pose"]
    input: Literal["whole_pictures", "person_crops"]
    clips: Annotated[
        Annotated[PictureClipParams, Tag("(one frame)")] | Annotated[FrameClipParams, Tag("(every frame)")],
        Discriminator(_kind_of_clips),
    ] = PictureClipParams()
    augment: Annotated[
        Annotated[PictureParams, Tag("(pictures)")] | Annotated[PersonCropParams, Tag("(crops)")],
        Discriminator(_kind_of_augment),
    ] = PictureParams()
    model: Annotated[AnyPeopleModel, Field(discriminator="name")]
    evaluate: PeopleEvaluateParams = PeopleEvaluateParams()
    register_: PeopleRegisterParams = Field(PeopleRegisterParams(), alias="register")

    @model_validator(mode="after")
    def _the_model_reads_what_the_input_gives(self) -> MultiPersonExperiment:
        gives = "pictures" if self.input == "whole_pictures" else "frames"
        if self.augment.gives != gives:
            needs = "has no augment.person_scale" if gives == "pictures" else "needs augment.person_scale"
            raise ValueError(f"input: {self.input} {needs}")
        if self.model.reads != gives:
            fitting = "whole_pictures" if self.model.reads == "pictures" else "person_crops"
            raise ValueError(f"model {self.model.name} needs input: {fitting}")
        if self.model.reads == "pictures" and self.evaluate.boxes == "layer":
            raise ValueError(
                f"evaluate.boxes is layer, but model {self.model.name} sees complete pictures and needs no boxes"
            )
        return self

    @model_validator(mode="after")
    def _crops_are_of_images(self) -> MultiPersonExperiment:
        if self.input == "person_crops" and isinstance(self.clips, FrameClipParams):
            raise ValueError(
                "input: person_crops would cut crops around people who are not in every frame of a sequence. Set "
                "input: whole_pictures, or sampling: uniform, which takes the frame in the middle"
            )
        return self

    @model_validator(mode="after")
    def _the_decoder_knows_its_thresholds(self) -> MultiPersonExperiment:
        decoding = decoding_of(self.model.name, self.evaluate.decoding)
        learned_mirrored = self.augment.geometry is not None and self.augment.geometry.flip > 0
        if getattr(decoding, "flip_test", False) and not learned_mirrored:
            raise ValueError(
                "evaluate.decoding.flip_test shows mirrored crops, which this model never learned from. Set "
                "augment.geometry.flip above 0, or flip_test: false"
            )
        return self


def decoding_of(model: str, changes: dict[str, Any] | None = None) -> Section:
    """Return the thresholds of the decoder of a model: its defaults, and ``changes``.

    Raises:
        ValueError: there is no such threshold, or no such value.
    """
    kinds: tuple[type[PeopleModelParams], ...] = get_args(AnyPeopleModel)
    kind = next(one for one in kinds if model in get_args(one.model_fields["name"].annotation))
    return kind.decodes.model_validate(changes or {})

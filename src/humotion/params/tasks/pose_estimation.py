"""An experiment of pose estimation in params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from humotion.params.experiment import (
    AugmentParams,
    ClipParams,
    EvaluateParams,
    Experiment,
    RegisterParams,
    TrainerParams,
)
from humotion.params.models.pose_machine import CPMParams, LSTMPoseMachineParams, RPMParams
from humotion.params.section import Section


class PoseClipParams(ClipParams):
    """Windows of consecutive frames for training; validation and test read whole videos."""

    sampling: Literal["consecutive"] = "consecutive"
    num_frames: int = Field(5, ge=1)
    stride: int = Field(5, ge=1, description="frames between the starts of neighbouring windows")


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


class TargetParams(Section):
    """Which heatmaps a pose model learns."""

    sigma_px: float = Field(7.0, gt=0, description="of the Gaussians, in pixels of the crop; 7 is 0.875 of a cell")
    mask_beyond_box: float | None = Field(
        None, ge=0, description="joints outside the box, enlarged by this share of shoulder to opposite hip, get no map"
    )


class PoseTrainerParams(TrainerParams):
    """The training loop of pose estimation."""

    targets: TargetParams = TargetParams()


class PoseEvaluateParams(EvaluateParams):
    """How the test joints are found."""

    scales: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (1.0,), min_length=1, description="sizes at which a person is shown, relative to augment.person_scale"
    )
    decoding: Literal["argmax", "quarter", "dark"] = Field(
        "dark", description="joints from maps; validation and prediction have the default"
    )


class PoseRegisterParams(RegisterParams):
    """Poses are compared by the share of joints found, at one of these distances."""

    metric: Literal["pck_0.2", "pck_0.1", "pck_0.05"] = "pck_0.2"


class PoseExperiment(Experiment):
    """Where is every joint in every frame?"""

    task: Literal["pose_estimation"]
    clips: PoseClipParams = PoseClipParams()
    augment: PoseAugmentParams = PoseAugmentParams()
    model: Annotated[LSTMPoseMachineParams | RPMParams | CPMParams, Field(discriminator="name")]
    trainer: PoseTrainerParams
    evaluate: PoseEvaluateParams = PoseEvaluateParams()
    register_: PoseRegisterParams = Field(PoseRegisterParams(), alias="register")

"""An experiment of pose estimation in params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from humotion.params.experiment import (
    EvaluateParams,
    Experiment,
    RegisterParams,
    TrainerParams,
    WindowClipParams,
)
from humotion.params.inputs import PersonCropParams
from humotion.params.models.pose_machine import CPMParams, LSTMPoseMachineParams, RPMParams
from humotion.params.section import Section


class TargetParams(Section):
    """The heatmaps that a pose model learns."""

    sigma_px: float = Field(7.0, gt=0, description="of the Gaussians, in pixels of the crop; 7 is 0.875 cells of a map")
    mask_beyond_box: float | None = Field(
        None,
        ge=0,
        description="joints outside the box get no map; the box is enlarged by this share of shoulder to opposite hip",
    )


class PoseTrainerParams(TrainerParams):
    """The training loop of pose estimation."""

    targets: TargetParams = TargetParams()


class PoseEvaluateParams(EvaluateParams):
    """How the test joints are found."""

    scales: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (1.0,), min_length=1, description="sizes at which the model sees a person, relative to augment.person_scale"
    )
    decoding: Literal["argmax", "quarter", "dark"] = Field(
        "dark", description="how joints are read from maps; validation and prediction use the default"
    )


class PoseRegisterParams(RegisterParams):
    """PCK at one of these distances compares a new version with the champion."""

    metric: Literal["pck_0.2", "pck_0.1", "pck_0.05"] = "pck_0.2"


class PoseExperiment(Experiment):
    """An experiment that finds every joint in every frame."""

    task: Literal["pose_estimation"]
    input: Literal["person_crops"]
    clips: WindowClipParams = WindowClipParams()
    augment: PersonCropParams = PersonCropParams()
    model: Annotated[LSTMPoseMachineParams | RPMParams | CPMParams, Field(discriminator="name")]
    trainer: PoseTrainerParams
    evaluate: PoseEvaluateParams = PoseEvaluateParams()
    register_: PoseRegisterParams = Field(PoseRegisterParams(), alias="register")

"""The section ``model`` of an experiment with a pose machine."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from humotion.params.experiment import ModelParams


class PoseMachineParams(ModelParams):
    """What every pose machine has; the defaults are the official sizes."""

    family: Literal["pose_machine"]
    width: float = Field(1.0, gt=0, description="multiplies the channels of every convolution")
    dropout: float = Field(0.5, ge=0, lt=1)
    init: Literal["official", "he"] = "official"
    joints: Literal["skeleton", "official"] = Field(
        "skeleton", description="official: maps of the 14 published joints, translated to and from those of the dataset"
    )
    weights: Path | None = Field(None, description="model.safetensors of a model folder to start from")


class LSTMPoseMachineParams(PoseMachineParams):
    """LSTM Pose Machine."""

    name: Literal["lstm_pm"]


class RPMParams(PoseMachineParams):
    """Recurrent Pose Machine: the LSTM Pose Machine without its LSTM."""

    name: Literal["rpm"]


class CPMParams(PoseMachineParams):
    """Convolutional Pose Machine: every frame independently."""

    name: Literal["cpm"]
    stages: int = Field(6, ge=2)

"""The section ``model`` of an experiment with HP-Net."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from humotion.params.experiment import ModelParams


class HPNetParams(ModelParams):
    """HP-Net: features at the joints, in three streams, move the class names with which the picture is compared.

    ``setting`` is a preset. ``width``, ``frames`` and ``identity_start`` replace one part of it; null keeps that part.
    """

    reads: ClassVar[str] = "joint_features"

    family: Literal["hp_net"]
    name: Literal["hp_net"]
    setting: Literal["reference", "default"] = "default"
    text: Literal["names", "random", "learned", "none"] = Field(
        "names", description="vectors of the classes; none: a linear classifier over picture and streams"
    )
    at_joints: Literal["features", "landmarks", "both"] = Field(
        "features", description="what the streams see of a joint; landmarks: its coordinates alone, as a control"
    )
    width: int | None = Field(
        None, ge=4, multiple_of=4, description="channels of the first units of a stream; others have up to 4 times more"
    )
    frames: int | None = Field(None, ge=4, multiple_of=4, description="a clip's frames are stretched to this number")
    identity_start: bool | None = Field(
        None, description="before training, logits are the cosines to the plain vectors of the classes"
    )
    dim: int | None = Field(None, ge=1, description="length of the picture's embedding; null: that of the vectors")
    joint_dim: int | None = Field(
        None, ge=1, description="values of a joint to which a linear layer maps its features before the streams"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="before the classifiers")
    weights: Path | None = Field(
        None, description="vectors of class names that the package lacks, made by `humotion embed-classes`"
    )

"""The section ``model`` of an experiment with a linear classifier of frozen features."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from humotion.params.experiment import ModelParams


class LinearProbeParams(ModelParams):
    """A linear classifier; ``trainer.head_start: true`` starts it as a logistic regression."""

    reads: ClassVar[str] = "joint_features"

    family: Literal["linear_probe"]
    name: Literal["linear_probe"]
    sees: Literal["frame", "joints", "both"] = Field("frame", description="mean features of frames, or of each joint")
    weights: None = None

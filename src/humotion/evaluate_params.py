"""The section ``evaluate`` of an experiment in params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from humotion.section import Section


class EvaluateParams(Section):
    """Evaluation on the official test split."""

    overlays: int = Field(4, ge=0, description="test clips drawn as videos")
    bootstrap: int = Field(2000, ge=100, description="resamples of the paired bootstrap over groups")


class ViewParams(Section):
    """Views of a test clip whose probabilities are averaged: moments times crops."""

    temporal: int = Field(1, ge=1, description="sets of frames, shifted within the segments of the sampling")
    spatial: Literal[1, 3] = Field(1, description="3: both ends and the centre of the frame's long side")

    @property
    def name(self) -> str:
        """As it is written in papers: 2x3."""
        return f"{self.temporal}x{self.spatial}"


class ActionEvaluateParams(EvaluateParams):
    """How the test clips are looked at; beside the main scores, which are always of one view in its natural order."""

    views: ViewParams = ViewParams()
    frame_orders: tuple[Literal["shuffled", "reversed"], ...] = Field(
        (), description="the same clips with their frames in another order, to see what the order is worth"
    )
    linear_probe: bool = Field(
        False,
        description="a baseline: logistic regression on frozen features of the weights that training began at",
    )

    @field_validator("frame_orders")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("frame_orders names an order twice")
        return value


class PoseEvaluateParams(EvaluateParams):
    """How the test joints are found."""

    scales: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (1.0,), min_length=1, description="sizes at which a person is shown, relative to augment.person_scale"
    )
    decoding: Literal["argmax", "quarter", "dark"] = Field(
        "dark", description="joints from maps; validation and prediction have the default"
    )

"""The section ``augment`` of an experiment: one class per ``input``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from humotion.params.experiment import AugmentParams
from humotion.params.section import Section


class WholeFrameParams(AugmentParams):
    """Complete frames: training uses the policy, evaluation uses a centre crop."""

    size: int = Field(224, ge=16)


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
    geometry: GeometryParams | None = None

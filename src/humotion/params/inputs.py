"""The section ``augment`` of an experiment, by what its model is shown (``input``)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from humotion.params.experiment import AugmentParams
from humotion.params.section import Section


class WholeFrameParams(AugmentParams):
    """Whole frames: training by the policy, evaluation by a centre crop."""

    size: int = Field(224, ge=16)


class GeometryParams(Section):
    """One scale, rotation and mirroring per training clip, drawn before its frames are cropped."""

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


class PersonCropParams(AugmentParams):
    """Crops around one person: one scale per clip, one centre per frame."""

    size: int = Field(368, ge=16)
    person_scale: float = Field(1.25, gt=0, description="side of the crop over the clip's largest box side")
    pixel_scale: float | None = Field(
        None, gt=0, description="instead: pixels of the crop over pixels of the stored frame, whoever is in it"
    )
    geometry: GeometryParams | None = None

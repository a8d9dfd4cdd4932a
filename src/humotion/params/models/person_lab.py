"""The section ``model`` of an experiment with PersonLab, and its ``evaluate.decoding``."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from humotion.params.models.stacked import StackedParams
from humotion.params.section import Section


class PersonLabLossParams(Section):
    """How much each part of the loss counts; the defaults are the published weights."""

    heat: float = Field(4.0, ge=0, description="is a joint within its radius of this cell?")
    mask: float = Field(2.0, ge=0, description="is this cell of a person?")
    short: float = Field(1.0, ge=0, description="offsets to the joint")
    mid: float = Field(0.25, ge=0, description="offsets from joint to joint")
    long: float = Field(0.125, ge=0, description="offsets from a person's mask to all joints")


class PersonLabDecodingParams(Section):
    """How people are read from PersonLab's maps."""

    start: Literal["votes", "heat"] = Field(
        "votes", description="where people start: where the short offsets of many cells meet, or tops of the heatmaps"
    )
    min_votes: float = Field(0.05, ge=0, le=1, description="share of a disc that must vote for the cell of a start")
    min_joint: float = Field(
        0.3, ge=0, le=1, description="probability of a joint with start: heat, and of one found by a long offset"
    )
    min_person: float = Field(0.05, ge=0, le=1, description="mean probability of a person's joints")
    radius: float = Field(10.0, gt=0, description="pixels: nearer people with the same joint count as one")
    most: int = Field(30, ge=1, description="people per picture at most, the surest ones")
    refinements: int = Field(
        2, ge=0, description="how often the end of an offset is moved by the offsets that are read there"
    )
    bridges: bool = Field(
        True,
        description="what mid offsets do not reach is looked for where the long offset leads to; false: as published",
    )
    min_mask: float = Field(0.5, ge=0, le=1, description="probability of a cell that somebody has")
    farthest: float = Field(
        0.25,
        gt=0,
        description="a cell is of the person whose joints are nearest to where it looks for them; not farther than "
        "this share of the person's size",
    )


class PersonLabParams(StackedParams):
    """PersonLab: joints and masks by heatmaps and offsets."""

    decodes: ClassVar[type[Section]] = PersonLabDecodingParams

    family: Literal["person_lab"]
    name: Literal["person_lab"]
    radius: float = Field(
        10.0, gt=0, description="pixels of the discs around joints; 32 is published, for pictures with large people"
    )
    loss_weights: PersonLabLossParams = PersonLabLossParams()

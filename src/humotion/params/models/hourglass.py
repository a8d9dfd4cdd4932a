"""The section ``model`` of an experiment with an hourglass for one person, and how its maps are read."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from humotion.params.models.stacked import StackedParams
from humotion.params.section import Section


class HourglassDecoding(Section):
    """How the joints of the person in a crop are read from maps."""

    joint_threshold: float = Field(
        0.2, ge=0, lt=1, description="the person's score is the mean of the joints' scores above it"
    )
    flip_test: bool = Field(
        False,
        description="also show the mirrored crop, and average the maps, as published; it doubles the time, and is only "
        "for a model that learned from mirrored crops (augment.geometry.flip)",
    )
    shift: Literal["half", "dark", "quarter", "none"] = Field(
        "half",
        description="how a joint moves away from the middle of its cell. quarter: a quarter of a cell towards the "
        "higher neighbour, as published; dark: to the top of a Gaussian; half: the same of a map that is smoothed half "
        "as much, because the errors of neighbouring cells are alike",
    )


class HourglassParams(StackedParams):
    """A stacked hourglass that finds the joints of one person in a crop."""

    reads: ClassVar[str] = "frames"
    decodes: ClassVar[type[Section]] = HourglassDecoding

    family: Literal["hourglass"]
    name: Literal["hourglass"]
    sigma: float = Field(
        4.0, gt=0, description="of the Gaussians that are learned, in pixels of the crop; 4 is one cell, as published"
    )
    unlabelled: Literal["zero", "ignore"] = Field(
        "zero",
        description="what an unlabelled joint, or one outside the crop, teaches. zero: an empty map, as published; "
        "ignore: nothing",
    )
    foreground: float = Field(
        0.0,
        ge=0,
        description="how much more a cell counts where its target is 1; 0 is published. 10 learns much faster",
    )

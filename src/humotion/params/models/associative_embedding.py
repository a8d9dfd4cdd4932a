"""The sections of an experiment with associative embedding: ``model``, and the decoding of ``evaluate``."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from humotion.params.models.stacked import StackedParams
from humotion.params.section import Section


class TagDecodingParams(Section):
    """How people are read from heatmaps and tags; the defaults of what is published are the published values."""

    min_joint: float = Field(0.1, ge=0, description="heat that a peak must have to be a joint")
    most: int = Field(30, ge=1, description="peaks per joint, the highest ones; so about the most people of a picture")
    max_tag_distance: float = Field(
        1.0, gt=0, description="a joint whose tag is further from the mean tag of every person starts a new person"
    )
    refine: bool = Field(
        True, description="look for the missing joints of each person where the tags are that person's"
    )
    min_refined: float = Field(0.05, ge=0, description="heat that a joint found by refine must have")
    min_joints: int = Field(1, ge=1, description="joints that a person must have before refine")
    min_person: float = Field(0.0, ge=0, description="score that a person must have: the mean heat of all joints")
    duplicate_radius: float = Field(
        0.0,
        ge=0,
        description="leave out a person with most joints nearer to those of a surer one than this share of the larger "
        "person's diagonal, for example 0.05; 0: leave out nobody, because people may stand so near to each other",
    )
    duplicate_share: float = Field(0.5, ge=0, lt=1, description="of the joints, above which they are most")


class AssociativeEmbeddingParams(StackedParams):
    """Associative embedding: a heatmap and a map of tags per joint."""

    decodes: ClassVar[type[Section]] = TagDecodingParams

    family: Literal["associative_embedding"]
    name: Literal["associative_embedding"]
    network: Literal["hourglass", "official"] = Field(
        "hourglass", description="official: plain 3x3 convolutions; published with width 256, stacks 4 and depth 4"
    )
    sigma: float = Field(
        4.0, gt=0, description="of the heatmaps' Gaussians, in pixels; 8 is published, for pictures of 512"
    )
    pull: float = Field(1e-3, ge=0, description="weight of the loss that draws the tags of a person together")
    push: float = Field(1e-3, ge=0, description="weight of the loss that drives the tags of two people apart")
    foreground: float = Field(
        0.0,
        ge=0,
        description="how much more a cell counts where its target is 1; 0 is published. 10 learns much faster",
    )

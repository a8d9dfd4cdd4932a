"""What models on stacked hourglasses share in the section ``model`` of an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from humotion.params.experiment import ModelParams
from humotion.params.section import Section


class PeopleModelParams(ModelParams):
    """What every model of several people has; it sees complete pictures, unless it says otherwise.

    Attributes:
        decodes: the section ``evaluate.decoding``: the thresholds by which people are read from this model's maps.
    """

    reads: ClassVar[str] = "pictures"
    decodes: ClassVar[type[Section]]

    weights: Path | None = Field(None, description="model.safetensors of a model folder to start from")


class StackedParams(PeopleModelParams):
    """A stacked hourglass; the defaults are one small hourglass, which learns in minutes on a CPU."""

    width: int = Field(64, ge=8, multiple_of=8, description="channels of an hourglass; 256 is published")
    stacks: int = Field(1, ge=1, description="number of hourglasses, one after the other")
    depth: int = Field(3, ge=1, description="how often an hourglass halves its map; 4 is published")

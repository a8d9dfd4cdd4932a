"""The section ``layers.<name>`` with PoseNet: the joints of everybody in each frame."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from humotion.params.layer import LayerParams


class PoseNetParams(LayerParams):
    """Joints of several people per frame."""

    tool: Literal["posenet"]
    backbone: Literal["person_lab"]  # type: ignore[assignment]
    weights: Path | None = Field(None, description="folder of the two files; null: weights/posenet of the checkout")
    side: int = Field(
        513,
        ge=33,
        multiple_of=1,
        description="pixels of the long side of what the network sees; larger finds smaller "
        "people, and takes longer. Rounded to a multiple of 16, plus 1",
    )
    most: int = Field(10, ge=1, le=100, description="people per frame at most, the surest ones")
    min_joint: float = Field(0.3, gt=0, lt=1, description="probability that a joint needs to start a person")
    min_person: float = Field(0.15, ge=0, lt=1, description="mean probability of the joints that a person needs")
    radius: float = Field(
        20.0, gt=0, description="pixels of what the network sees: nearer people with the same joint count as one"
    )

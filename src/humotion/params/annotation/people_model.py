"""The section ``layers.<name>`` with a model of multi-person pose: the joints of everybody in each frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from humotion.params.layer import LayerParams


class PeopleModelLayerParams(LayerParams):
    """Joints of several people per frame, by a model that sees whole pictures. ``backbone`` is its family."""

    tool: Literal["people_model"]
    backbone: Literal["associative_embedding", "open_pose", "person_lab"]  # type: ignore[assignment]
    weights: Path | None = Field(
        None, description="the folder of the model, such as models/crowd_person_lab; it must be named"
    )
    side: int | None = Field(
        None,
        ge=32,
        multiple_of=16,
        description="side of the square around a frame that the model sees, in pixels; null: as in its training. "
        "Larger finds smaller people, and takes longer",
    )
    most: int = Field(10, ge=1, le=100, description="people per frame at most, the surest ones")
    decoding: dict[str, Any] = Field({}, description="thresholds of the model's decoder that differ from its defaults")

    def __hash__(self) -> int:
        """Opened tools are kept by their settings, and a dict has no hash."""
        return hash(self.model_dump_json())

"""The model of this family, its configuration, and what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

MODELS = {
    "bigru": ModelEntry(
        "BiGRU",
        ("num_classes", "num_joints", "dimensions", "num_frames"),
        {"2 x 96, 13 joints": {"num_classes": 12}},
    )
}


def count(model: Any) -> Run:
    """A clip of 32 frames."""
    from humotion.models.common.counting import landmark_run

    return landmark_run(model, 13, 2, num_frames=32)

"""The model of this family, its published sizes on JHMDB, and what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

MODELS = {
    "ddnet": ModelEntry(
        "DDNet",
        ("num_classes", "num_joints", "dimensions"),
        {f"{filters} filters, JHMDB": {"filters": filters} for filters in (64, 32, 16)},
    )
}


def count(model: Any) -> Run:
    """A clip of 32 frames of JHMDB's 15 joints."""
    from humotion.models.common.counting import landmark_run

    return landmark_run(model, 15, 2, num_frames=32)

"""The model of this family, the two published forms, and what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

MODELS = {
    "landmark_lstm": ModelEntry(
        "LandmarkLSTM",
        ("num_classes", "num_joints", "dimensions"),
        {
            "4 x 50, 33 landmarks": {"num_classes": 4},
            "64-128-64, 33 landmarks": {
                "num_classes": 4,
                "widths": (64, 128, 64),
                "activation": "relu",
                "dropout": 0.0,
                "dense": (64, 32),
            },
        },
    )
}


def count(model: Any) -> Run:
    """A window of ten frames, as in the tutorial."""
    from humotion.models.common.counting import landmark_run

    return landmark_run(model, 33, 4, num_frames=10)

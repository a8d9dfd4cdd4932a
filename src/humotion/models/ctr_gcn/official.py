"""The model of this family, its configurations, and what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry
from humotion.models.common.joint_graph import COCO_BONES

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

MODELS = {
    "ctr_gcn": ModelEntry(
        "CTRGCN",
        ("num_classes", "num_joints", "dimensions", "edges"),
        {
            "COCO joints, 3 values": {"num_joints": 17, "edges": COCO_BONES, "num_classes": 60},
            "HP-Net stream, 96 values": {
                "num_joints": 17,
                "edges": COCO_BONES,
                "num_classes": 60,
                "dimensions": 96,
                "persons": 2,
            },
        },
    )
}


def count(model: Any) -> Run:
    """A clip of 64 frames."""
    from humotion.models.common.counting import landmark_run

    return landmark_run(model, model.num_joints, model.dimensions, num_frames=64, persons=model.persons)

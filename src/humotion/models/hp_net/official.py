"""The model of this family, its configurations, and what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry
from humotion.models.common.joint_graph import COCO_BONES

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

# The published list of 17 joints has no root: the nose, and both shoulders, are parents of each other in a circle.
COCO_PARENTS = (5, 0, 0, 1, 2, 6, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14)
EARS = ((3, 1), (4, 2))  # bones that the published graph lacks, although its bone stream has them
BODY_BONES = (  # nose; then right and left shoulder, elbow, wrist, hip, knee and ankle
    *((0, 1), (0, 2), (1, 2), (7, 8), (1, 3), (3, 5), (2, 4), (4, 6)),
    *((1, 7), (7, 9), (9, 11), (2, 8), (8, 10), (10, 12)),
)
BODY_PARENTS = (0, 0, 0, 1, 2, 3, 4, 1, 2, 7, 8, 9, 10)

MODELS = {
    "hp_net": ModelEntry(
        "HPNet",
        ("num_classes", "num_joints", "dimensions", "channels", "edges", "parents"),
        {
            "reference, COCO joints, 96 values, vectors of 512": {
                "setting": "reference",
                "num_classes": 60,
                "num_joints": 17,
                "dimensions": 2,
                "channels": 96,
                "edges": [bone for bone in COCO_BONES if bone not in EARS],
                "parents": COCO_PARENTS,
                "text": "random",
                "text_dim": 512,
                "persons": 2,
            },
            "default, 13 joints, 384 values": {
                "num_classes": 12,
                "num_joints": 13,
                "dimensions": 2,
                "channels": 384,
                "edges": BODY_BONES,
                "parents": BODY_PARENTS,
            },
        },
    )
}


def count(model: Any) -> Run:
    """A clip of as many frames as the streams see, in which all joints are known; without the frozen network."""
    import torch

    from humotion.models.common.counting import Run, gmacs

    people = () if model.persons == 1 else (model.persons,)
    num_frames = model.options.frames
    joints = (1, *people, num_frames, model.num_joints)
    inputs = {
        "features": torch.empty(*joints, model.channels),
        "frame": torch.empty(1, num_frames, model.channels),
        "landmarks": torch.empty(*joints, model.dimensions),
        "known": torch.ones(joints, dtype=torch.bool),
        "is_padding": torch.zeros(1, num_frames, dtype=torch.bool),
    }
    clip, logits = gmacs(model, *inputs.values())
    shapes = {name: tuple(value.shape) for name, value in inputs.items()}
    return Run(shapes, {"logits": tuple(logits.shape)}, {"clip": clip, "frame": clip / num_frames})

"""The models of this family, their published sizes, and what they compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

FROM_DATA = ("num_joints", "joint_names")
MODELS = {
    "open_pose": ModelEntry(
        "OpenPose",
        FROM_DATA,
        {
            "VGG-19, COCO": {"features": "vgg19", "width": 128},
            "VGG-19, 2 stages, COCO": {"features": "vgg19", "width": 128, "stages": 2},
            "2 hourglasses, COCO": {"width": 256, "stacks": 2, "depth": 4},
        },
    ),
    "open_pose_mobilenet": ModelEntry("OpenPoseMobileNet", FROM_DATA, {"MobileNetV2 0.5, COCO": {}}),
}
SIDE = 368
"""Pixels of the square pictures of the published training."""


def count(model: Any) -> Run:
    """One picture with any number of people."""
    import torch

    from humotion.models.common.counting import Run, gmacs

    pictures = torch.empty(1, 3, SIDE, SIDE)
    cost, stages = gmacs(model, pictures)
    shapes = {name: tuple(maps.shape) for name, maps in stages[-1].items()}
    return Run({"pictures": tuple(pictures.shape)}, shapes, {"picture": cost})

"""The models of this family, their sizes, and what they compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

MODELS = {
    "posenet": ModelEntry("PoseNet", (), {"MobileNetV1 0.75": {}}),
    "person_lab": ModelEntry("PersonLab", ("joint_names",), {"2 hourglasses, COCO": {}}),
}
PICTURE = (385, 513)  # height, width: 4:3, with the long side for which PoseNet's pixels are meant


def count(model: Any) -> Run:
    """One picture with any number of people."""
    import torch

    from humotion.models.common.counting import Run, gmacs

    pictures = torch.empty(1, 3, *PICTURE)
    cost, maps = gmacs(model, pictures)
    heat = maps[-1]["heat"] if isinstance(maps, list) else maps.heat
    return Run({"pictures": tuple(pictures.shape)}, {"heat": tuple(heat.shape)}, {"picture": cost})

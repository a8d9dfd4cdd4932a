"""The model of this family, its published size, and what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

MODELS = {
    "associative_embedding": ModelEntry(
        "AssociativeEmbedding",
        ("joint_names",),
        {
            "official": {"network": "official", "width": 256, "stacks": 4, "depth": 4},
            "hourglass, 4 stacks": {"network": "hourglass", "width": 256, "stacks": 4, "depth": 4},
        },
    )
}
SIDE = 512
"""Pixels of the published picture."""


def count(model: Any) -> Run:
    """One picture with any number of people."""
    import torch

    from humotion.models.common.counting import Run, gmacs

    pictures = torch.empty(1, 3, SIDE, SIDE)
    cost, stacks = gmacs(model, pictures)
    shapes = {name: tuple(maps.shape) for name, maps in stacks[-1].items()}
    return Run({"pictures": tuple(pictures.shape)}, shapes, {"picture": cost})

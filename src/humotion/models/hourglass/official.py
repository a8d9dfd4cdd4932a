"""The model of this family, its published sizes, and what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

SIDE = 256
STACKS = (1, 2, 8)

MODELS = {
    "hourglass": ModelEntry(
        "PersonHourglass",
        ("num_joints", "flip"),
        {f"{stacks} of 256, MPII": {"stacks": stacks} for stacks in STACKS},
    )
}


def count(model: Any) -> Run:
    """Count one crop of the published size."""
    import torch

    from humotion.models.common.counting import Run, gmacs

    crop = torch.empty(1, 3, SIDE, SIDE)
    cost, stacks = gmacs(model, crop)
    return Run({"crop": tuple(crop.shape)}, {"maps": tuple(stacks[-1].shape)}, {"crop": cost})

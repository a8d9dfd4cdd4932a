"""The model of this family, its configurations, and what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

MODELS = {
    "linear_probe": ModelEntry(
        "LinearProbe",
        ("num_classes", "num_joints", "channels"),
        {"frames of a ViT-S": {}, "13 joints of a ViT-S": {"sees": "joints"}, "both": {"sees": "both"}},
    )
}


def count(model: Any) -> Run:
    """A clip of 16 frames with 13 joints, without the frozen network."""
    import torch

    from humotion.models.common.counting import CLIP_FRAMES, Run, gmacs

    features = torch.empty(1, CLIP_FRAMES, 13, 384)
    known = torch.ones(1, CLIP_FRAMES, 13, dtype=torch.bool)
    is_padding = torch.zeros(1, CLIP_FRAMES, dtype=torch.bool)
    clip, logits = gmacs(model, features, features[:, :, 0], known, is_padding)
    shapes = {"features": tuple(features.shape), "frame": (1, CLIP_FRAMES, 384), "known": tuple(known.shape)}
    return Run(shapes, {"logits": tuple(logits.shape)}, {"clip": clip, "frame": clip / CLIP_FRAMES})

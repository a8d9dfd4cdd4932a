"""The vision transformers by name, in their published configurations, and what one computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

CLIP_FRAMES = 16  # as LS-ViT's public re-implementation samples them
MODELS = {
    "ls_vit": ModelEntry(
        "LSViT",
        ("num_classes", "image_size", "num_frames"),
        {
            "default, ViT-B/16": {},
            "default, 4 motion frames, ViT-B/16": {"motion_frames": 4},
            "reference, ViT-B/16": {"setting": "reference"},
        },
    ),
    "vit": ModelEntry("FrameAveragedViT", ("num_classes", "image_size"), {"ViT-B/16": {}}),
}


def count(model: Any) -> Run:
    """A whole clip without padding."""
    import torch

    from humotion.models.common.counting import Run, gmacs

    side = model.backbone.image_size
    frames = torch.empty(1, CLIP_FRAMES, model.num_neighbours, 3, side, side)
    is_padding = torch.zeros(1, CLIP_FRAMES, dtype=torch.bool)
    clip, logits = gmacs(model, frames, is_padding)
    inputs = {"frames": tuple(frames.shape), "is_padding": tuple(is_padding.shape)}
    return Run(inputs, {"logits": tuple(logits.shape)}, {"clip": clip, "frame": clip / CLIP_FRAMES})

"""The vision transformers by name, their published configurations, and how to count one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

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
    """Count a complete clip without padding."""
    from humotion.models.common.counting import clip_run

    return clip_run(model, model.backbone.image_size)

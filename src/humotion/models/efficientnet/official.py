"""The model of this family, its published size, and what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from humotion.models.common.build import ModelEntry

if TYPE_CHECKING:
    from humotion.models.common.counting import Run

MODELS = {
    "efficientnet_lite0": ModelEntry(
        "FrameAveragedEfficientNet", ("num_classes",), {"ImageNet": {"num_classes": 1000}}
    ),
}


def count(model: Any) -> Run:
    """A complete clip without padding, at the published size of 224 pixels."""
    from humotion.models.common.counting import clip_run

    return clip_run(model, size=224)

"""Load the published checkpoint of EfficientNet-Lite0, with an error if a tensor is missing or unexpected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from humotion.errors import HumotionError
from humotion.models.common.hub import checkpoint_file
from humotion.models.common.weights import misfits, read_weights

if TYPE_CHECKING:
    from humotion.models.efficientnet.efficientnet_lite0 import EfficientNet

CLASSIFIER = "fc."


def renamed(key: str) -> str:
    """The name of a tensor here, from its name in the checkpoint: ``_blocks.0._bn1.bias`` is ``blocks.0.bn1.bias``."""
    return ".".join(part.removeprefix("_") for part in key.split("."))


def load_backbone(backbone: EfficientNet, weights: str | Path) -> dict[str, Tensor]:
    """Load all tensors but those of the classifier, which are returned: ``fc.weight`` (1000, 1280) and ``fc.bias``.

    Raises:
        HumotionError: the file is absent, has content other than weights, or is not of this network.
    """
    content = {renamed(key): value for key, value in read_weights(checkpoint_file(weights)).items()}
    classifier = {key: content.pop(key) for key in list(content) if key.startswith(CLASSIFIER)}
    if problems := misfits(content, backbone.state_dict()):
        raise HumotionError(
            f"The checkpoint {weights} is not of EfficientNet-Lite0: {'; '.join(problems[:5])}. "
            "`humotion fetch efficientnet-lite0` gets the published one."
        )
    backbone.load_state_dict(content)
    return classifier

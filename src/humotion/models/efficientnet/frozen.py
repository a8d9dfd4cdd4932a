"""EfficientNet-Lite0 as a frozen network whose maps are read (see `annotation.joint_features.backbone`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from humotion.errors import HumotionError
from humotion.models.common.hub import existing_checkpoint
from humotion.models.efficientnet.checkpoint import load_backbone
from humotion.models.efficientnet.efficientnet_lite0 import EfficientNet
from humotion.models.efficientnet.layers import HEAD, LITE0, STEM
from humotion.models.efficientnet.weights import published


def weights(path: Path | None) -> Path:
    """The checkpoint at ``path``, or the published one where `humotion fetch` puts it.

    Raises:
        HumotionError: it is missing, or what is in that place is not the published one.
    """
    return published() if path is None else existing_checkpoint(path)


class FrozenEfficientNet(nn.Module):
    """The map after ``depth`` blocks, or after the head (None), and its mean.

    Attributes:
        channels: C of the map.
        stride: pixels of the picture per cell of the map.

    TensorFlow's padding moves what a cell of the last map can see by 15.5 pixels to the right and down. The trained
    kernels make up for this: weighted by gradients, the centre is within 3 pixels of the middle of the cell's own
    pixels at every depth (16 frames of JHMDB, each also turned by 180 degrees). So a map is read as if cells see those.
    """

    def __init__(self, depth: int | None) -> None:
        super().__init__()
        self.network = EfficientNet().eval()
        self.depth = depth
        num_blocks = len(self.network.blocks)
        if depth is not None and not 0 <= depth <= num_blocks:
            raise HumotionError(f"depth is {depth}, but EfficientNet-Lite0 has {num_blocks} blocks.")
        self.channels, strides = STEM, [2]
        for stage in LITE0:
            for number in range(stage.blocks):
                if len(strides) - 1 == (num_blocks if depth is None else depth):
                    break
                self.channels = stage.channels
                strides.append(stage.stride if number == 0 else 1)
        if depth is None:
            self.channels = HEAD
        self.stride = math.prod(strides)

    @torch.inference_mode()
    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, C, h, w) and its mean (B, C) of uint8 RGB frames (B, 3, S, S); S is a multiple of 32."""
        found = self.network.map_after(self.network.normalise(frames), self.depth)
        return found, found.mean((2, 3))


def open_frozen(
    path: Path, side: int, depth: int | None, mean: Sequence[float], std: Sequence[float]
) -> FrozenEfficientNet:
    """The network of a checkpoint, for pictures of ``side`` pixels, normalised by ``mean`` and ``std``.

    Raises:
        HumotionError: the file is not its checkpoint, or the side is no multiple of 32.
    """
    if side % 32:
        raise HumotionError(f"side is {side}, but EfficientNet-Lite0 needs a multiple of 32, such as 224.")
    frozen = FrozenEfficientNet(depth)
    load_backbone(frozen.network, path)
    for name, values in (("mean", mean), ("std", std)):
        frozen.network.get_buffer(name).copy_(torch.tensor(values).reshape(-1, 1, 1))
    return frozen.requires_grad_(False)

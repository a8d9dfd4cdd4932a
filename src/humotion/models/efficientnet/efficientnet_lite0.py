"""EfficientNet-Lite0, and the classifier that averages it over a clip's frames.

The network is EfficientNet-B0 (Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
2019) as its authors simplified it for phones: ReLU6 in place of swish, no squeeze-and-excitation, and the same stem and
head at every size. With ImageNet's 1,000 classes it has 4,652,008 parameters.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from humotion.models.common.frame_averaged import FrameAveraged
from humotion.models.efficientnet.checkpoint import load_backbone
from humotion.models.efficientnet.layers import HEAD, LITE0, STEM, SameConv, blocks_of, norm

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as the checkpoint wants them


class EfficientNet(nn.Module):
    """The network without its classifier.

    While none of its parameters is trained, batch norm keeps its statistics even in training: a frozen network stays
    as it is.

    Attributes:
        checkpointing: in training, keep only what is between blocks for the backward pass, and compute the rest again.
    """

    checkpointing: bool = False

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn0 = SameConv(3, STEM, 3, stride=2), norm(STEM)
        self.blocks = blocks_of(LITE0)
        self.conv_head, self.bn1 = SameConv(LITE0[-1].channels, HEAD, 1), norm(HEAD)
        self.register_buffer("mean", torch.tensor(MEAN).reshape(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).reshape(-1, 1, 1), persistent=False)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out")

    def train(self, mode: bool = True) -> EfficientNet:
        """See the class."""
        super().train(mode and any(parameter.requires_grad for parameter in self.parameters()))
        return self

    def normalise(self, frames: Tensor) -> Tensor:
        """Normalise uint8 RGB frames (..., 3, H, W) by the mean and spread of ImageNet."""
        return (frames.float() / 255 - self.get_buffer("mean")) / self.get_buffer("std")

    def map_after(self, images: Tensor, depth: int | None = None) -> Tensor:
        """The map after so many blocks, or after the head if ``depth`` is None.

        Args:
            images: (B, 3, H, W), normalised.
            depth: blocks, from 0 (the stem alone) to 16.

        Returns:
            (B, C, H / stride, W / stride); after the head, C is 1280 and the stride is 32.
        """
        x = F.relu6(self.bn0(self.conv_stem(images)))
        for block in self.blocks[:depth]:
            if self.checkpointing and self.training and torch.is_grad_enabled():
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return x if depth is not None else F.relu6(self.bn1(self.conv_head(x)))

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings (B, ..., 1280) of images (B, ..., 3, H, W): the mean of the last map."""
        return self.map_after(images.flatten(0, -4)).mean((2, 3)).unflatten(0, images.shape[:-3])


class FrameAveragedEfficientNet(FrameAveraged):
    """EfficientNet-Lite0 on each frame, the mean embedding of the real frames, and a linear classifier.

    Args:
        num_classes: number of classes.
        dropout: before the classifier, in training.
    """

    backbone: EfficientNet

    def __init__(self, num_classes: int = 1000, dropout: float = 0.2) -> None:
        super().__init__(EfficientNet(), HEAD, num_classes, dropout)

    def load_pretrained(self, weights: Path | str) -> None:
        """Start from the published checkpoint, without its classifier."""
        load_backbone(self.backbone, weights)

    def learning_rate_share(self, name: str, decay: float, head_factor: float) -> float:
        """The factor on the learning rate of a parameter by its name; blocks above the input change less."""
        if not name.startswith("backbone."):
            return head_factor
        levels = len(self.backbone.blocks) + 1
        part = name.removeprefix("backbone.").split(".")
        level = {"conv_stem": 0, "bn0": 0, "conv_head": levels, "bn1": levels}.get(part[0])
        return decay ** (levels + 1 - (int(part[1]) + 1 if level is None else level))

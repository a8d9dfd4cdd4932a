"""The layers of EfficientNet-Lite: convolutions with TensorFlow's padding, and inverted bottlenecks.

Parameters have the names of the published PyTorch checkpoint without its underscores (``checkpoint.py``).
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

BN_EPS, BN_MOMENTUM = 1e-3, 0.01  # of the published network; PyTorch's momentum is 1 - TensorFlow's


class Stage(NamedTuple):
    """Blocks of one width: the first one has the stride, and changes the number of channels."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STEM, HEAD = 32, 1280
LITE0 = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class SameConv(nn.Conv2d):
    """A convolution without bias that pads as TensorFlow's "same": with stride 2, the larger part comes last."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, outputs, ceil(H / stride), ceil(W / stride))."""
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        missing = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in images.shape[-2:]]
        (top, bottom), (left, right) = ((lack // 2, lack - lack // 2) for lack in missing)
        if any(missing):
            images = F.pad(images, (left, right, top, bottom))
        return super().forward(images)


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with the published constants."""
    return nn.BatchNorm2d(channels, eps=BN_EPS, momentum=BN_MOMENTUM)


class Bottleneck(nn.Module):
    """An inverted bottleneck: wider, a convolution per channel, narrower; added to its input if both have one shape."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.is_wider, self.is_added = expansion > 1, stride == 1 and inputs == outputs
        if self.is_wider:
            self.expand_conv, self.bn0 = SameConv(inputs, wide, 1), norm(wide)
        self.depthwise_conv, self.bn1 = SameConv(wide, wide, kernel, stride, groups=wide), norm(wide)
        self.project_conv, self.bn2 = SameConv(wide, outputs, 1), norm(outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        x = F.relu6(self.bn0(self.expand_conv(images))) if self.is_wider else images
        x = F.relu6(self.bn1(self.depthwise_conv(x)))
        x = self.bn2(self.project_conv(x))
        return x + images if self.is_added else x


def blocks_of(stages: tuple[Stage, ...]) -> nn.ModuleList:
    """The blocks of all stages, one after the other."""
    found, inputs = nn.ModuleList(), STEM
    for stage in stages:
        for number in range(stage.blocks):
            stride = stage.stride if number == 0 else 1
            found.append(Bottleneck(inputs, stage.channels, stage.kernel, stride, stage.expansion))
            inputs = stage.channels
    return found

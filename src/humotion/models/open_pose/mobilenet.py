"""A small network for OpenPose's maps: MobileNetV2 at half of its width, and six stages of separable layers.

    picture --first 13 blocks, 0.5 of the width--> after block 5: 16 channels, stride 8;  after block 12: 48, stride 16
    F = (block 5, block 12 enlarged), 64 channels; then stages as in `humotion.models.open_pose.vgg`

Batch norms of the published blocks never left training: each picture is normalised by its own mean and variance. So
the scale of pixels does not matter, and these layers are instance norms here. Source: the graph published by
tf-pose-estimation (Apache-2.0); M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STEM = 16
BLOCKS = ((8, 1), (16, 2), (16, 1), (16, 2), *((16, 1),) * 2, (32, 2), *((32, 1),) * 3, *((48, 1),) * 3)
"""Channels and stride of each block."""
FINE = 5  # the last block with stride 8
EXPANSION = 6  # but not of the first block
WIDTH = 64
FIRST_WIDE = 256  # channels before the maps of the first stage
STAGES = 6
EPSILON = 0.001


class SameConv(nn.Conv2d):
    """A convolution without bias whose padding is TensorFlow's "SAME": with a stride, more at the right and below."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(channels, out, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, out, ceil(h / stride), ceil(w / stride)) of (B, channels, h, w)."""
        padding = []
        for size in (x.shape[-1], x.shape[-2]):
            total = max((-(-size // self.stride[0]) - 1) * self.stride[0] + self.kernel_size[0] - size, 0)
            padding += [total // 2, total - total // 2]
        return super().forward(F.pad(x, padding))


def _own_norm(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels, eps=EPSILON, affine=True)


class Block(nn.Module):
    """An inverted residual: 1x1 to more channels, depthwise 3x3, 1x1 to fewer; added to the input if shapes agree."""

    def __init__(self, channels: int, out: int, stride: int, expands: bool) -> None:
        super().__init__()
        wide = channels * EXPANSION if expands else channels
        self.expand = nn.Sequential(SameConv(channels, wide, 1), _own_norm(wide)) if expands else None
        self.depthwise = nn.Sequential(SameConv(wide, wide, 3, stride, groups=wide), _own_norm(wide))
        self.project = nn.Sequential(SameConv(wide, out, 1), _own_norm(out))
        self.adds = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """(B, out, h / stride, w / stride) of (B, channels, h, w)."""
        inner = x if self.expand is None else F.relu6(self.expand(x))
        inner = self.project(F.relu6(self.depthwise(inner)))
        return inner + x if self.adds else inner


class Separable(nn.Module):
    """A depthwise and a pointwise convolution, and a batch norm."""

    def __init__(self, channels: int, out: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = SameConv(channels, channels, kernel, groups=channels)
        self.pointwise = SameConv(channels, out, 1)
        self.norm = nn.BatchNorm2d(out, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(B, out, h, w) of (B, channels, h, w)."""
        return self.norm(self.pointwise(self.depthwise(x)))


class Branch(nn.Module):
    """Five separable layers, with ReLU between them."""

    def __init__(self, sizes: Sequence[tuple[int, int, int]]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Separable(*size) for size in sizes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, outputs, h, w) of (B, inputs, h, w)."""
        for number, layer in enumerate(self.layers):
            x = layer(F.relu(x) if number else x)
        return x


class MobileFields(nn.Module):
    """The network; its maps are one eighth of the picture's sides, which should be multiples of 16.

    Args:
        heat: maps of joints and background.
        limbs: maps of limbs.
    """

    stride = 8

    def __init__(self, heat: int, limbs: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(SameConv(3, STEM, 3, 2), _own_norm(STEM))
        before = [STEM, *(channels for channels, _ in BLOCKS)]
        self.blocks = nn.ModuleList(
            Block(before[number], out, stride, expands=number > 0) for number, (out, stride) in enumerate(BLOCKS)
        )
        self.heat, self.limbs = (
            nn.ModuleList(_branch(stage, heat, limbs, outputs) for stage in range(STAGES)) for outputs in (heat, limbs)
        )

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """The maps (B, heat + limbs, H / 8, W / 8) of every stage, for pictures (B, 3, H, W) of any scale."""
        x = F.relu6(self.stem(pictures))
        fine = x
        for number, block in enumerate(self.blocks):
            x = block(x)
            fine = x if number == FINE else fine
        features = shown = torch.cat([fine, _doubled(x, fine.shape[-2], fine.shape[-1])], dim=1)
        found = []
        for heat, limbs in zip(self.heat, self.limbs, strict=True):
            maps = [heat(shown), limbs(shown)]
            shown = torch.cat([*maps, features], dim=1)
            found.append(torch.cat(maps, dim=1))
        return found


def _branch(stage: int, heat: int, limbs: int, outputs: int) -> Branch:
    inputs = WIDTH + (heat + limbs) * (stage > 0)
    wide = WIDTH if stage else FIRST_WIDE
    sizes = [(inputs, WIDTH, 3), (WIDTH, WIDTH, 3), (WIDTH, WIDTH, 3), (WIDTH, wide, 1), (wide, outputs, 1)]
    return Branch(sizes)


def _doubled(x: Tensor, height: int, width: int) -> Tensor:
    """Enlarge (B, C, h, w) twice so that cell i stays at 2 i, as TensorFlow 1 does; cells between are means."""
    padded = F.pad(x, (0, 1, 0, 1), mode="replicate")
    size = (2 * x.shape[-2] + 1, 2 * x.shape[-1] + 1)
    return F.interpolate(padded, size, mode="bilinear", align_corners=True)[..., :height, :width]

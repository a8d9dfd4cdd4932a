"""The published network: a stacked hourglass of plain 3x3 convolutions, which has more channels at smaller sizes.

    picture --7x7, stride 2--> 3x3 --pool--> 3x3 x 2 --> x          (C, h, w), a quarter of the sides
    per stack:  x --> Plain hourglass --> 3x3 x 2 --> features --1x1--> maps      x <- x + 1x1(features) + 1x1(maps)

There is no batch norm. Source: A. Newell, Z. Huang, J. Deng, "Associative Embedding: End-to-End Learning for Joint
Detection and Grouping", NeurIPS 2017, and the authors' code in PyTorch (BSD-3).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

STRIDE = 4
"""Pixels per cell."""


def _conv(channels: int, out: int) -> nn.Sequential:
    """3x3 and ReLU."""
    return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1), nn.ReLU())


class PlainHourglass(nn.Module):
    """Down and up again ``depth`` times, by factors of 2, with ``more`` channels at each smaller size."""

    def __init__(self, depth: int, channels: int, more: int) -> None:
        super().__init__()
        wide = channels + more
        self.across = _conv(channels, channels)
        self.down = _conv(channels, wide)
        self.inner = PlainHourglass(depth - 1, wide, more) if depth > 1 else _conv(wide, wide)
        self.up = _conv(wide, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) of the same shape."""
        low = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        return self.across(x) + F.interpolate(low, size=x.shape[-2:], mode="nearest")


class PlainStack(nn.Module):
    """One hourglass with its maps."""

    def __init__(self, depth: int, channels: int, outputs: int, is_last: bool) -> None:
        super().__init__()
        self.features = nn.Sequential(
            PlainHourglass(depth, channels, channels // 2), _conv(channels, channels), _conv(channels, channels)
        )
        self.maps = nn.Conv2d(channels, outputs, 1)
        self.merge_features = None if is_last else nn.Conv2d(channels, channels, 1)
        self.merge_maps = None if is_last else nn.Conv2d(outputs, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the next stack reads (B, C, h, w), and the maps (B, outputs, h, w)."""
        features = self.features(x)
        maps = self.maps(features)
        if self.merge_features is not None and self.merge_maps is not None:
            x = x + self.merge_features(features) + self.merge_maps(maps)
        return x, maps


class PlainStackedHourglass(nn.Module):
    """The network. With the defaults and 68 maps it has 138,893,840 parameters, as published.

    Args:
        outputs: maps per stack.
        width: channels of a stack. The first layers have a quarter and a half of it, and each smaller size half of it
            more.
        stacks: number of hourglasses.
        depth: how often each halves its map. An odd size is halved downwards, and filled upwards.
    """

    stride = STRIDE

    def __init__(self, outputs: int, width: int = 256, stacks: int = 4, depth: int = 4) -> None:
        super().__init__()
        quarter, half = width // 4, width // 2
        self.stem = nn.Sequential(
            *(nn.Conv2d(3, quarter, 7, stride=2, padding=3), nn.ReLU(), _conv(quarter, half), nn.MaxPool2d(2)),
            *(_conv(half, half), _conv(half, width)),
        )
        self.stacks = nn.ModuleList(
            PlainStack(depth, width, outputs, is_last=number == stacks - 1) for number in range(stacks)
        )

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """The maps (B, outputs, H / 4, W / 4) of every stack, for normalised pictures (B, 3, H, W)."""
        x = self.stem(pictures)
        found = []
        for stack in self.stacks:
            x, maps = stack(x)
            found.append(maps)
        return found

"""The stacked hourglass: from a picture to maps of a quarter of its size, several times in a row.

    picture --7x7, stride 2--> Residual --pool--> Residual x 2 --> x      (C, h, w), a quarter of the sides
    per stack:  x --> Hourglass --> Residual --1x1--> features --1x1--> maps      x <- x + 1x1(features) + 1x1(maps)

Every stack's maps are trained. An hourglass of depth n halves its map n times, and returns by adding what was there
before each step. Source: A. Newell, K. Yang, J. Deng, "Stacked Hourglass Networks for Human Pose Estimation", ECCV
2016, and the authors' code in PyTorch (BSD-3).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

STRIDE = 4
"""Pixels per cell."""


class Residual(nn.Module):
    """1x1 to half of the channels, 3x3, 1x1, each after batch norm and ReLU; added to the input."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        half = out // 2
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in (channels, half, half))
        self.convs = nn.ModuleList(
            [nn.Conv2d(channels, half, 1), nn.Conv2d(half, half, 3, padding=1), nn.Conv2d(half, out, 1)]
        )
        self.skip = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, out, h, w) of (B, channels, h, w)."""
        inner = x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            inner = conv(F.relu(norm(inner)))
        return inner + self.skip(x)


class Hourglass(nn.Module):
    """Down and up again ``depth`` times, by factors of 2, with a residual at each size."""

    def __init__(self, depth: int, channels: int) -> None:
        super().__init__()
        self.level = Residual(channels, channels)
        self.down = Residual(channels, channels)
        self.inner = Hourglass(depth - 1, channels) if depth > 1 else Residual(channels, channels)
        self.up = Residual(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) of the same shape."""
        low = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        return self.level(x) + F.interpolate(low, size=x.shape[-2:], mode="nearest")


class Stack(nn.Module):
    """One hourglass with its maps."""

    def __init__(self, depth: int, channels: int, outputs: int, is_last: bool) -> None:
        super().__init__()
        self.hourglass = Hourglass(depth, channels)
        self.residual = Residual(channels, channels)
        self.linear = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels), nn.ReLU())
        self.maps = nn.Conv2d(channels, outputs, 1)
        self.merge_features = None if is_last else nn.Conv2d(channels, channels, 1)
        self.merge_maps = None if is_last else nn.Conv2d(outputs, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the next stack reads (B, C, h, w), and the maps (B, outputs, h, w)."""
        features = self.linear(self.residual(self.hourglass(x)))
        maps = self.maps(features)
        if self.merge_features is not None and self.merge_maps is not None:
            x = x + self.merge_features(features) + self.merge_maps(maps)
        return x, maps


class StackedHourglass(nn.Module):
    """The network. With 1, 2 or 8 stacks of the published sizes and 16 maps it has 3.4, 6.6 or 25.4 M parameters.

    Args:
        outputs: maps per stack.
        width: channels of a stack; 256 is published. The first layers have a quarter and a half of it.
        stacks: number of hourglasses.
        depth: how often each halves its map. An odd size is halved downwards, and filled upwards.
    """

    stride = STRIDE

    def __init__(self, outputs: int, width: int = 256, stacks: int = 2, depth: int = 4) -> None:
        super().__init__()
        if width % 8:
            raise ValueError(f"width must be a multiple of 8, not {width}")
        quarter, half = width // 4, width // 2
        self.stem = nn.Sequential(
            nn.Conv2d(3, quarter, 7, stride=2, padding=3), nn.BatchNorm2d(quarter), nn.ReLU(), Residual(quarter, half)
        )
        self.entry = nn.Sequential(nn.MaxPool2d(2), Residual(half, half), Residual(half, width))
        self.stacks = nn.ModuleList(
            Stack(depth, width, outputs, is_last=number == stacks - 1) for number in range(stacks)
        )

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """The maps (B, outputs, H / 4, W / 4) of every stack, for normalised pictures (B, 3, H, W)."""
        x = self.entry(self.stem(pictures))
        found = []
        for stack in self.stacks:
            x, maps = stack(x)
            found.append(maps)
        return found

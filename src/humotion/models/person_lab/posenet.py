"""PoseNet: PersonLab's joints (no masks) on a MobileNet, as published with weights for browsers.

    picture (3, 16h+1, 16w+1) --> MobileNetV1, 0.75 of its width, stride 16 --> map (384, h+1, w+1) --1x1--> four heads

Batch norm is folded into the convolutions. Sources: G. Papandreou et al., "PersonLab: Person Pose Estimation and
Instance Segmentation with a Bottom-Up, Part-Based, Geometric Embedding Model", ECCV 2018; the graph that was published.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from humotion.models.person_lab.tree import EDGES, JOINTS

STRIDE = 16
STEM = 24
CHANNELS = (48, 96, 96, 192, 192, *(384,) * 8)  # three quarters of MobileNetV1's
DOWN = (2, 4, 6)  # these blocks halve the map, counted from 1; a thirteenth of MobileNetV1 has stride 32, this one 16


class Maps(NamedTuple):
    """What PersonLab's heads say of each cell of the map; offsets are y, x in pixels of the picture.

    Attributes:
        heat: (B, J, h, w) logits: is joint j within its radius of this cell?
        short: (B, 2, J, h, w) from this cell to joint j.
        forward: (B, 2, E, h, w) from the parent of edge e, at this cell, to its child.
        backward: (B, 2, E, h, w) from the child of edge e, at this cell, to its parent.
    """

    heat: Tensor
    short: Tensor
    forward: Tensor
    backward: Tensor


class Separable(nn.Module):
    """A depthwise 3x3 convolution and a pointwise one, each with ReLU6."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels)
        self.pointwise = nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, out, h / stride, w / stride) of (B, channels, h, w)."""
        return F.relu6(self.pointwise(F.relu6(self.depthwise(x))))


class PoseNet(nn.Module):
    """The network, 1,258,195 parameters. Its pictures have sides of 16 n + 1 pixels, so that no padding is lopsided.

    It is read by an annotation tool; no experiment trains it.
    """

    reads = ("pictures",)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, STEM, 3, stride=2, padding=1)
        widths = (STEM, *CHANNELS)
        self.blocks = nn.ModuleList(
            Separable(widths[number - 1], widths[number], 2 if number in DOWN else 1)
            for number in range(1, len(widths))
        )
        self.heat = nn.Conv2d(widths[-1], len(JOINTS), 1)
        self.short = nn.Conv2d(widths[-1], 2 * len(JOINTS), 1)
        self.forwards = nn.Conv2d(widths[-1], 2 * len(EDGES), 1)
        self.backwards = nn.Conv2d(widths[-1], 2 * len(EDGES), 1)

    def normalise(self, pictures: Tensor) -> Tensor:
        """Uint8 RGB (B, 3, H, W) from -1 to 1."""
        return pictures.float() / 127.5 - 1

    def forward(self, pictures: Tensor) -> Maps:
        """The maps of normalised pictures (B, 3, H, W); a map has (H - 1) / 16 + 1 rows."""
        x = F.relu6(self.stem(pictures))
        for block in self.blocks:
            x = block(x)
        offsets = [head(x).unflatten(1, (2, -1)) for head in (self.short, self.forwards, self.backwards)]
        return Maps(self.heat(x), *offsets)

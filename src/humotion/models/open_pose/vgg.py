"""The published network of OpenPose: ten layers of VGG-19, and two branches that are refined stage by stage.

    picture --VGG-19 to conv4_2, three poolings--> 512 --3x3--> 256 --3x3--> F, 128 channels of an eighth of the sides
    stage 1:  F --3x3 x 3, 1x1, 1x1--> limbs 1        F --the same--> heat 1
    stage n:  (limbs n-1, heat n-1, F) --7x7 x 5, 1x1, 1x1--> limbs n        the same for heat n

The published training starts from VGG-19's weights for ImageNet; no package has them, so this one starts from chance.
Source: Z. Cao, T. Simon, S.-E. Wei, Y. Sheikh, "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields",
CVPR 2017, and the layers of its published network for COCO.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

PUBLISHED = 128
"""Channels of F."""


class FieldsNetwork(nn.Module):
    """With the published sizes 52,311,446 parameters for 19 heatmaps and 38 maps of limbs; with two stages 17.2 M.

    Args:
        heat: maps of joints and background.
        limbs: maps of limbs.
        width: channels of F; all others grow with it.
        stages: number of stages.
    """

    stride = 8

    def __init__(self, heat: int, limbs: int, width: int = PUBLISHED, stages: int = 6) -> None:
        super().__init__()
        self.stem = _vgg(width)
        first = {"kernel": 3, "layers": 3, "last": 4 * width}
        later = {"kernel": 7, "layers": 5, "last": width}
        inputs = [width, *(width + heat + limbs for _ in range(stages - 1))]
        self.heat = nn.ModuleList(_branch(n, width, heat, **(later if at else first)) for at, n in enumerate(inputs))
        self.limbs = nn.ModuleList(_branch(n, width, limbs, **(later if at else first)) for at, n in enumerate(inputs))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        for branch in (*self.heat, *self.limbs):
            nn.init.normal_(branch[-1].weight, std=0.01)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """The maps (B, heat + limbs, H / 8, W / 8) of every stage, for normalised pictures (B, 3, H, W)."""
        features = shown = self.stem(pictures)
        found = []
        for heat, limbs in zip(self.heat, self.limbs, strict=True):
            maps = torch.cat([heat(shown), limbs(shown)], dim=1)
            shown = torch.cat([maps, features], dim=1)
            found.append(maps)
        return found


def _vgg(width: int) -> nn.Sequential:
    """VGG-19 as far as conv4_2, and two layers that bring its channels down."""
    layers: list[nn.Module] = []
    blocks = ([width // 2] * 2, [width] * 2, [2 * width] * 4, [4 * width] * 2 + [2 * width, width])
    before = 3
    for number, block in enumerate(blocks):
        layers += [nn.MaxPool2d(2)] if number else []
        for one, other in pairwise([before, *block]):
            layers += [nn.Conv2d(one, other, 3, padding=1), nn.ReLU(inplace=True)]
        before = block[-1]
    return nn.Sequential(*layers)


def _branch(inputs: int, width: int, outputs: int, kernel: int, layers: int, last: int) -> nn.Sequential:
    """Some layers with a large kernel, then two 1x1 layers."""
    parts: list[nn.Module] = []
    for number in range(layers):
        parts += [nn.Conv2d(width if number else inputs, width, kernel, padding=kernel // 2), nn.ReLU(inplace=True)]
    return nn.Sequential(*parts, nn.Conv2d(width, last, 1), nn.ReLU(inplace=True), nn.Conv2d(last, outputs, 1))

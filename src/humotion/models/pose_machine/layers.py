"""Building blocks of the pose machines: the blocks of the published layer tables, and the initial weights.

Every convolution keeps the size of its maps. The only strides are those of three ceil-mode pools without padding, as
in Caffe: 368 pixels become 184, 92 and 46 cells. The tables are those of the authors' Caffe code
(lawy623/LSTM_Pose_Machines, shihenw/convolutional-pose-machines-release).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

OFFICIAL_INPUT_SIZE = 368
BODY, WIDE, FEATURES = 128, 512, 32  # channels at the official width
CENTRE_SIGMA = 21.0  # pixels at the official input size

Init = Literal["official", "he"]


def scaled(channels: int, width: float) -> int:
    """Channels times width, rounded to the nearest multiple of 8, and at least 8."""
    return max(8, 8 * round(channels * width / 8))


def conv_relu(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    """A convolution that keeps the size of the map, and its ReLU."""
    return [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU(inplace=True)]


def trunk_layers(body: int) -> list[nn.Module]:
    """The image trunk, c1 to c3: S pixels to S/8 cells."""
    layers: list[nn.Module] = []
    for inputs in (3, body, body):
        layers += [*conv_relu(inputs, body, 9), nn.MaxPool2d(3, 2, ceil_mode=True)]
    return layers


def feature_layers(body: int, features: int) -> list[nn.Module]:
    """The trunk and c4: the image features of a frame."""
    return [*trunk_layers(body), *conv_relu(body, features, 5)]


def initial_layers(body: int, features: int, wide: int, maps: int, dropout: float) -> nn.Sequential:
    """ConvNet1, the first stage of every pose machine: maps from one frame alone."""
    return nn.Sequential(
        *feature_layers(body, features),
        *conv_relu(features, wide, 9),
        nn.Dropout(dropout),
        *conv_relu(wide, wide, 1),
        nn.Dropout(dropout),
        nn.Conv2d(wide, maps, 1),
    )


def refinement_layers(inputs: int, body: int, maps: int) -> nn.Sequential:
    """ConvNet3, the later stages: better maps from features, maps and centre map, or from a memory of them."""
    return nn.Sequential(
        *conv_relu(inputs, body, 11),
        *conv_relu(body, body, 11),
        *conv_relu(body, body, 11),
        *conv_relu(body, body, 1),
        nn.Conv2d(body, maps, 1),
    )


def centre_map(input_size: int) -> Tensor:
    """Map (1, 1, h, w) of the person's position: a Gaussian at the crop's centre, average-pooled to the cells."""
    sigma = CENTRE_SIGMA * input_size / OFFICIAL_INPUT_SIZE
    distance = torch.arange(input_size, dtype=torch.float32) - input_size / 2
    line = torch.exp(-(distance**2) / (2 * sigma**2))
    return F.avg_pool2d(torch.outer(line, line)[None, None], kernel_size=9, stride=8, ceil_mode=True)


def initialise(model: nn.Module, init: Init, outputs: Iterable[nn.Sequential]) -> None:
    """Draw new weights for every convolution; biases start at zero.

    Args:
        model: the model whose convolutions are initialised.
        init: "official", a Gaussian of 0.01 for long schedules, or "he", which trains small models from scratch.
        outputs: the blocks whose last layer makes maps. "he" starts near empty joint maps and a full background,
            because the first training steps would otherwise only lead there.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            if init == "official":
                nn.init.normal_(layer.weight, std=0.01)
            else:
                focus_kernels(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    if init == "he":
        for block in outputs:
            start_from_background(block[-1])  # type: ignore[arg-type]


def start_from_background(last: nn.Conv2d) -> None:
    """Make the joint maps of a layer nearly empty at first, and the background map, which is the last one, full."""
    assert last.bias is not None
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias[-1] = 1.0


def focus_kernels(weight: Tensor, sigma: float = 1.0) -> None:
    """He initialisation with a Gaussian window: large kernels start like small ones of the same total variance.

    With plain He weights, every output of a 9x9 kernel averages over 81 places. Then a short training on few clips
    memorises scenes before it learns where a small object is.
    """
    nn.init.kaiming_normal_(weight, nonlinearity="relu")
    offset = torch.arange(weight.shape[-1], dtype=weight.dtype) - (weight.shape[-1] - 1) / 2
    line = torch.exp(-(offset**2) / (2 * sigma**2))
    window = torch.outer(line, line)
    with torch.no_grad():
        weight.mul_(window / window.square().mean().sqrt())

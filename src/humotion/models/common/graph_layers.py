"""The parts of CTR-GCN, for features (N, C, T, V) of N persons, C channels, T frames and V joints."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SMALL = 1e-6  # the first weight of the batch norm after the graph convolutions, so that a unit starts as its shortcut


class RefinedGraphConv(nn.Module):
    """One graph convolution (CTRGC): a common graph, refined for every channel by the differences between joints.

    q, k   = two small projections, averaged over time                       (N, R, V)
    A'     = expand(tanh(q_u - k_v)) * alpha + A                             (N, C, V, V)
    y_u    = sum over v of A'_uv * value_v                                   (N, C, T, V)
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        small = 8 if inputs <= 16 else inputs // 8
        self.query, self.key = nn.Conv2d(inputs, small, 1), nn.Conv2d(inputs, small, 1)
        self.value, self.expand = nn.Conv2d(inputs, outputs, 1), nn.Conv2d(small, outputs, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the refinement of the graph (N, outputs, V, V), and values (N, outputs, T, V), which it will mix."""
        mean = features.mean(2, keepdim=True)  # projections are linear, so the mean may come first
        query, key = self.query(mean)[:, :, 0], self.key(mean)[:, :, 0]  # (N, R, V)
        return self.expand((query[..., None] - key[:, :, None]).tanh()), self.value(features)


class GraphUnit(nn.Module):
    """Graph convolutions over the three directions together, with batch norm and a shortcut.

    Args:
        inputs, outputs: channels.
        graphs: (3, V, V); each unit learns its own, starting from these.
    """

    def __init__(self, inputs: int, outputs: int, graphs: Tensor) -> None:
        super().__init__()
        self.graphs = nn.Parameter(graphs.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.convs = nn.ModuleList(RefinedGraphConv(inputs, outputs) for _ in range(len(graphs)))
        self.norm = nn.BatchNorm2d(outputs)
        nn.init.constant_(self.norm.weight, SMALL)
        self.shortcut = nn.Identity() if inputs == outputs else pointwise(inputs, outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, inputs, T, V) to (N, outputs, T, V)."""
        total: Tensor | None = None
        for conv, graph in zip(self.convs, self.graphs, strict=True):
            refinement, values = conv(features)
            mixed = torch.einsum("ncuv,nctv->nctu", refinement * self.alpha + graph, values)
            total = mixed if total is None else total + mixed
        return (self.norm(total) + self.shortcut(features)).relu()


class TimeUnit(nn.Module):
    """Convolutions over time in four branches (MSTCN): two of size 5 with dilation 1 and 2, a maximum, and a copy."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        quarter = channels // 4
        self.branches = nn.ModuleList(
            nn.Sequential(
                *pointwise(channels, quarter),
                nn.ReLU(),
                nn.Conv2d(quarter, quarter, (5, 1), (stride, 1), (2 * dilation, 0), (dilation, 1)),
                nn.BatchNorm2d(quarter),
            )
            for dilation in (1, 2)
        )
        largest = nn.MaxPool2d((3, 1), (stride, 1), (1, 0))
        self.branches.append(nn.Sequential(*pointwise(channels, quarter), nn.ReLU(), largest, nn.BatchNorm2d(quarter)))
        self.branches.append(pointwise(channels, quarter, stride))

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, C, T, V) to (N, C, T / stride, V)."""
        return torch.cat([branch(features) for branch in self.branches], dim=1)


class Unit(nn.Module):
    """A graph unit, then a time unit, and a shortcut around both unless it is the first unit."""

    def __init__(self, inputs: int, outputs: int, graphs: Tensor, stride: int = 1, has_shortcut: bool = True) -> None:
        super().__init__()
        self.space, self.time = GraphUnit(inputs, outputs, graphs), TimeUnit(outputs, stride)
        self.shortcut: nn.Module | None = None
        if has_shortcut:
            same = inputs == outputs and stride == 1
            self.shortcut = nn.Identity() if same else pointwise(inputs, outputs, stride)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, inputs, T, V) to (N, outputs, T / stride, V)."""
        changed = self.time(self.space(features))
        return (changed if self.shortcut is None else changed + self.shortcut(features)).relu()


def pointwise(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 1 x 1 convolution with batch norm; ``stride`` is over time."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, (stride, 1)), nn.BatchNorm2d(outputs))


def initialise(network: nn.Module) -> None:
    """Draw the authors' initial weights: Kaiming by the outputs, and less for what is summed over three graphs."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    for module in network.modules():
        if isinstance(module, RefinedGraphConv):
            for conv in (module.query, module.key, module.value, module.expand):
                size = conv.weight.shape[0] * conv.weight.shape[1]
                nn.init.normal_(conv.weight, std=math.sqrt(2.0 / (size * 3)) if size else 0.0)

"""Run a frozen graph of TensorFlow node by node, and write damaged ones.

The reading of the file is not that of the package: it goes through the bytes of the message by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def fields(content: bytes) -> Iterator[tuple[int, Any]]:
    """Yield number and value of each field of a protobuf message."""
    place = 0

    def number() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = content[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(content):
        key = number()
        if key & 7 == 0:
            yield key >> 3, number()
        else:
            length = {1: 8, 5: 4}.get(key & 7) or number()
            yield key >> 3, content[place : place + length]
            place += length


def nodes_of(path: Path) -> list[dict[str, Any]]:
    """The nodes, in the order of the file: name, kind, inputs, and the attributes as bytes."""
    found = []
    for key, content in fields(path.read_bytes()):
        if key != 1:
            continue
        node: dict[str, Any] = {"inputs": [], "attributes": {}}
        for part, value in fields(content):
            if part in (1, 2):
                node["name" if part == 1 else "kind"] = value.decode()
            elif part == 3:
                node["inputs"].append(value.decode().partition(":")[0])
            elif part == 5:
                pair = dict(fields(value))
                node["attributes"][pair[1].decode()] = pair[2]
        found.append(node)
    return found


def run(path: Path, pictures: Tensor, output: str, fine: str) -> Tensor:
    """What a node of the graph is for pictures (1, 3, H, W); others are enlarged to the size of the node ``fine``."""
    nodes = nodes_of(path)
    values = {node["name"]: _constant(node) for node in nodes if node["kind"] == "Const"}
    for node in nodes:
        if node["kind"] == "Placeholder":
            values[node["name"]] = pictures
        elif node["kind"] not in ("Const", "Shape", "StridedSlice"):
            inputs = [values.get(name) for name in node["inputs"]]
            values[node["name"]] = _computed(node, inputs, values.get(fine))
    return values[output]  # type: ignore[return-value]


def _constant(node: dict[str, Any]) -> Tensor | None:
    array = dict(fields(node["attributes"]["value"]))[8]
    parts = dict(fields(array))
    if parts[1] != 1 or not ({4, 5} & parts.keys()):
        return None
    shape = [dict(fields(side)).get(1, 0) for _, side in fields(parts[2])]
    values = np.frombuffer(parts.get(4, parts.get(5)), "<f4")  # type: ignore[arg-type]
    return torch.tensor(np.broadcast_to(values, int(np.prod(shape))).reshape(shape))


def _computed(node: dict[str, Any], inputs: list[Any], fine: Tensor | None) -> Tensor:
    kind, x = node["kind"], inputs[0]
    if kind in ("Conv2D", "DepthwiseConv2dNative"):
        weight = inputs[1].permute(3, 2, 0, 1) if kind == "Conv2D" else inputs[1].permute(2, 3, 0, 1)
        stride = node["attributes"]["strides"][-2]
        groups = 1 if kind == "Conv2D" else len(weight)
        return F.conv2d(_same(x, weight.shape[-1], stride), weight, stride=stride, groups=groups)
    if kind == "FusedBatchNorm":
        learns = node["attributes"]["is_training"][-1]
        mean, variance = (x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)) if learns else inputs[3:5]
        return F.batch_norm(x, mean, variance, inputs[1], inputs[2], eps=0.001)
    if kind == "ResizeBilinear":
        assert fine is not None
        return _enlarged(x, *fine.shape[2:])
    others = {
        "Relu": lambda: x.relu(),
        "Relu6": lambda: x.clamp(0, 6),
        "Add": lambda: x + inputs[1],
        "ConcatV2": lambda: torch.cat(inputs[:-1], dim=1),
    }
    return others[kind]()


def _same(x: Tensor, kernel: int, stride: int) -> Tensor:
    sizes = (x.shape[-1], x.shape[-2])
    totals = [max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in sizes]
    return F.pad(x, [part for total in totals for part in (total // 2, total - total // 2)])


def _enlarged(x: Tensor, height: int, width: int) -> Tensor:
    """Row y of the result is read at row y * h / height, between its two neighbours."""
    for axis, size in ((2, height), (3, width)):
        places = torch.arange(size) * x.shape[axis] / size
        first = places.long()
        share = (places - first).view(-1, 1) if axis == 2 else places - first
        second = (first + 1).clamp(max=x.shape[axis] - 1)
        x = x.index_select(axis, first) * (1 - share) + x.index_select(axis, second) * share
    return x

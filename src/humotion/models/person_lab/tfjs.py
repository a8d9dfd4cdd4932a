"""Read the published PoseNet from its two files in TensorFlow.js' format: a graph in JSON, and its numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from humotion.errors import HumotionError
from humotion.models.person_lab.posenet import CHANNELS, PoseNet

_ROOT = "MobilenetV1"
_HEADS = {
    **{"heat": "heatmap_2", "short": "offset_2"},
    **{"forwards": "displacement_fwd_2", "backwards": "displacement_bwd_2"},
}


def open_posenet(graph: Path, numbers: Path) -> PoseNet:
    """The network with the published weights, frozen.

    Args:
        graph: ``posenet.json``.
        numbers: ``posenet.bin``.

    Raises:
        HumotionError: a file cannot be read, or is of another network.
    """
    try:
        nodes, arrays = _read(graph, numbers)
        state = {name: _layer(nodes[node], arrays, part) for name, node, part in _places()}
        network = PoseNet()
        network.load_state_dict(state)
    except (OSError, ValueError, KeyError, IndexError, TypeError, RuntimeError) as error:
        raise HumotionError(
            f"{graph} and {numbers} are not the published PoseNet ({type(error).__name__}: {error}). "
            "`humotion fetch posenet` gets it."
        ) from error
    return network.eval().requires_grad_(False)


def _places() -> Iterator[tuple[str, str, int]]:
    """Of each tensor: its name here, the node that uses it in the graph, and which input of the node it is."""
    layers = {"stem": f"{_ROOT}/{_ROOT}/Conv2d_0/Relu6"}
    for number in range(1, len(CHANNELS) + 1):
        start = f"{_ROOT}/{_ROOT}/Conv2d_{number}"
        layers[f"blocks.{number - 1}.depthwise"] = f"{start}_depthwise/BatchNorm/batchnorm/add_1/conv"
        layers[f"blocks.{number - 1}.pointwise"] = f"{start}_pointwise/Relu6"
    layers |= {name: f"{_ROOT}/{head}/BiasAdd" for name, head in _HEADS.items()}
    for name, node in layers.items():
        yield f"{name}.weight", node, 1
        yield f"{name}.bias", node, 2


def _read(graph: Path, numbers: Path) -> tuple[Mapping[str, Any], dict[str, npt.NDArray[np.float32]]]:
    """The nodes of the graph by name, and the arrays by name; they lie one after the other in the file."""
    content = json.loads(graph.read_bytes())
    values = np.fromfile(numbers, "<f4")
    arrays, start = {}, 0
    for entry in content["weightsManifest"][0]["weights"]:
        if entry["dtype"] != "float32":
            raise ValueError(f"{entry['name']} has numbers of type {entry['dtype']}")
        end = start + int(np.prod(entry["shape"]))
        arrays[entry["name"]] = values[start:end].reshape(entry["shape"])
        start = end
    if start != len(values):
        raise ValueError(f"{numbers.name} has {len(values)} numbers, not {start}")
    return {node["name"]: node for node in content["modelTopology"]["node"]}, arrays


def _layer(node: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[np.float32]], part: int) -> Tensor:
    """A kernel or bias in torch's order; TensorFlow has height, width, inputs, outputs.

    A depthwise kernel has one output per input, so both orders of its last two axes mean the same.
    """
    found = arrays[node["input"][part]]
    if found.ndim == 4:
        order = (2, 3, 0, 1) if node["op"].startswith("FusedDepthwise") else (3, 2, 0, 1)
        found = found.transpose(order)
    return torch.from_numpy(np.ascontiguousarray(found))

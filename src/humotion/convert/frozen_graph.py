"""Frozen graphs of TensorFlow: nodes with the names of their inputs, and constants as arrays.

A ``graph.pb`` is one protobuf message. As in `humotion.convert.caffemodel`, only the fields that are needed are
described, at run time, and TensorFlow is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from humotion.convert.protobuf import FIELD, Messages, message_class
from humotion.errors import HumotionError

Floats = npt.NDArray[np.float32]

_MESSAGES: Messages = {
    "Side": [("size", 1, FIELD.TYPE_INT64, False)],
    "Shape": [("dim", 2, "Side", True)],
    "Array": [
        ("dtype", 1, FIELD.TYPE_INT32, False),
        ("shape", 2, "Shape", False),
        ("content", 4, FIELD.TYPE_BYTES, False),
        ("floats", 5, FIELD.TYPE_FLOAT, True),
    ],
    "Value": [("array", 8, "Array", False)],
    "Attribute": [("key", 1, FIELD.TYPE_STRING, False), ("value", 2, "Value", False)],
    "Node": [
        ("name", 1, FIELD.TYPE_STRING, False),
        ("kind", 2, FIELD.TYPE_STRING, False),
        ("inputs", 3, FIELD.TYPE_STRING, True),
        ("attributes", 5, "Attribute", True),
    ],
    "Graph": [("nodes", 1, "Node", True)],
}
_FLOAT32 = 1
_MOST_VALUES = 1 << 28  # a constant of one value may state any shape


@dataclass(frozen=True)
class GraphNode:
    """A node: what it computes, the names of its inputs, and its array if it is a constant of float32."""

    kind: str
    inputs: tuple[str, ...]
    array: Floats | None


def read_frozen_graph(path: Path) -> dict[str, GraphNode]:
    """Return the nodes of a frozen graph by their names.

    Raises:
        HumotionError: the file does not exist, is no graph, or the values of a constant are not finite or do not fit
            its shape.
    """
    if not path.is_file():
        raise HumotionError(f"There is no file {path}. Use the graph_opt.pb file that the authors publish.")
    graph: Any = _graph_message()()
    try:
        graph.ParseFromString(path.read_bytes())
    except (DecodeError, UnicodeDecodeError):
        raise HumotionError(
            f"{path} cannot be read as a frozen graph of TensorFlow. It is incomplete, or another kind of file. "
            "Download it again, and compare its size."
        ) from None
    if not graph.nodes:
        raise HumotionError(f"{path} has no nodes: it is no frozen graph, or it is empty.")
    return {node.name: GraphNode(node.kind, _names(node), _constant(path, node)) for node in graph.nodes}


def _names(node: Any) -> tuple[str, ...]:
    """The nodes that it reads, without the numbers of their outputs."""
    return tuple(name.partition(":")[0] for name in node.inputs)


def _constant(path: Path, node: Any) -> Floats | None:
    """The array of a constant; one of another type, or without values, is none."""
    arrays = [one.value.array for one in node.attributes if one.key == "value" and node.kind == "Const"]
    if not arrays or arrays[0].dtype != _FLOAT32:
        return None
    (array,) = arrays
    shape = tuple(side.size for side in array.shape.dim)
    content = array.content
    values = np.frombuffer(content[: len(content) // 4 * 4], "<f4") if content else np.array(array.floats, np.float32)
    count = int(np.prod(shape, dtype=np.int64)) if min(shape, default=0) >= 0 else -1
    if values.size == 1 and 1 < count <= _MOST_VALUES:
        values = np.full(count, values[0])
    if values.size != count or len(content) % 4:
        raise HumotionError(
            f"{path}: constant {node.name} has {values.size:,} values for an array of shape {shape}. "
            "Download the file again."
        )
    if not np.isfinite(values).all():
        raise HumotionError(f"{path}: constant {node.name} has values that are NaN or infinite.")
    return values.astype(np.float32).reshape(shape)


@cache
def _graph_message() -> type[Any]:
    return message_class("frozen_graph", "Graph", _MESSAGES)

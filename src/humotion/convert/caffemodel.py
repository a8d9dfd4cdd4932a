"""Weight files of Caffe: the layers that have weights, by name.

A ``.caffemodel`` is one protobuf message. This module describes only the fields for weights, at run time, and protobuf
skips all others. It reads both formats of layers (``layer``, and ``layers`` from before 2014) and both formats of
shapes. Values are described as bytes, because packed numbers are bytes in the file. So 12 million floats become one
array, without one Python object per number.
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
    "Shape": [("dim", 1, FIELD.TYPE_INT64, True)],
    "Blob": [
        ("num", 1, FIELD.TYPE_INT32, False),
        ("channels", 2, FIELD.TYPE_INT32, False),
        ("height", 3, FIELD.TYPE_INT32, False),
        ("width", 4, FIELD.TYPE_INT32, False),
        ("data", 5, FIELD.TYPE_BYTES, True),
        ("shape", 7, "Shape", False),
        ("double_data", 8, FIELD.TYPE_BYTES, True),
    ],
    "Layer": [("name", 1, FIELD.TYPE_STRING, False), ("blobs", 7, "Blob", True)],
    "OldLayer": [("name", 4, FIELD.TYPE_STRING, False), ("blobs", 6, "Blob", True)],
    "Net": [("layers", 2, "OldLayer", True), ("layer", 100, "Layer", True)],
}


@dataclass(frozen=True)
class CaffeLayer:
    """A layer with weights: its name and its arrays, in Caffe's order (weight, then bias)."""

    name: str
    blobs: tuple[Floats, ...]


def read_caffemodel(path: Path) -> list[CaffeLayer]:
    """The layers with weights of a ``.caffemodel``, in the file's order.

    Raises:
        HumotionError: the file does not exist, is incomplete, is not a caffemodel, or has no weights; or the values of
            an array are not finite, or their number does not fit its shape (the message names the layer).
    """
    if not path.is_file():
        raise HumotionError(f"There is no file {path}. Use the .caffemodel file that the authors publish.")
    content = path.read_bytes()
    net: Any = _net_message()()
    try:
        net.ParseFromString(content)
    except (DecodeError, UnicodeDecodeError):
        raise HumotionError(
            f"{path} ({len(content):,} bytes) cannot be read as a caffemodel. It is incomplete, or another kind of "
            "file, for example the web page of the download. Download it again, and compare its size."
        ) from None
    found = [layer for layer in (*net.layer, *net.layers) if layer.blobs]
    if not found:
        raise HumotionError(f"{path} has no layer with weights: it is not a caffemodel, or it is empty.")
    return [CaffeLayer(layer.name, tuple(_array(path, layer.name, blob) for blob in layer.blobs)) for layer in found]


def _array(path: Path, layer: str, blob: Any) -> Floats:
    """The values of a blob in its shape; the old format of shapes always has four sides."""
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else (blob.num, blob.channels, blob.height, blob.width)
    kind, chunks = ("<f8", blob.double_data) if blob.double_data else ("<f4", blob.data)
    content, size = b"".join(chunks), np.dtype(kind).itemsize
    values = np.frombuffer(content[: len(content) // size * size], kind)
    if min(shape, default=0) < 0 or values.size != np.prod(shape, dtype=np.int64) or len(content) % size:
        raise HumotionError(
            f"{path}: layer {layer} has {values.size:,} values for an array of shape {shape}. Download the file again."
        )
    if not np.isfinite(values).all():
        raise HumotionError(f"{path}: layer {layer} has values that are NaN or infinite. Download the file again.")
    return values.astype(np.float32).reshape(shape)


@cache
def _net_message() -> type[Any]:
    return message_class("caffe_weights", "Net", _MESSAGES, packed={("Shape", "dim")})

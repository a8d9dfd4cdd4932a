"""The published LSTM Pose Machine apart from the package: its layer table, a caffemodel of it, and a forward pass.

Written from the authors' prototxts and Caffe's file format, in NumPy and protobuf alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Array = npt.NDArray[np.floating[Any]]
Weights = dict[str, tuple[Array, Array]]  # by parameter: weight (or the scale layer's factor), bias

MAPS, SEEN = 15, 48
CONV1 = [(3, 128, 9), (128, 128, 9), (128, 128, 9), (128, 32, 5), (32, 512, 9), (512, 512, 1), (512, MAPS, 1)]
CONV3 = [(SEEN, 128, 11), (128, 128, 11), (128, 128, 11), (128, 128, 1), (128, MAPS, 1)]


def narrow(channels: int, factor: int) -> int:
    return channels // factor if channels in (128, 512) else channels


def random_weights(seed: int, factor: int = 1) -> Weights:
    """Weights under which activations neither vanish nor grow; ``factor`` narrows the 128 and 512 channels."""
    random = np.random.default_rng(seed)

    def convolution(inputs: int, outputs: int, kernel: int) -> tuple[Array, Array]:
        inputs, outputs = narrow(inputs, factor), narrow(outputs, factor)
        weight = random.standard_normal((outputs, inputs, kernel, kernel), np.float32)
        weight *= np.float32(np.sqrt(2 / (inputs * kernel**2)))
        return weight, 0.1 * random.standard_normal(outputs, np.float32)

    weights: Weights = {}
    for number, sizes in enumerate(CONV1, start=1):
        weights[f"stage1.conv{number}"] = convolution(*sizes)
    for number, sizes in enumerate(CONV1[:4], start=1):
        weights[f"frame.conv{number}"] = convolution(*sizes)
    for gate in "gifo":
        weights[f"{gate}_x"], weights[f"{gate}_h"] = convolution(SEEN, SEEN, 3), convolution(SEEN, SEEN, 3)
        weights[gate] = np.ones(SEEN, np.float32), random.standard_normal(SEEN, np.float32)
    for number, sizes in enumerate(CONV3, start=1):
        weights[f"map{number}"] = convolution(*sizes)
    return weights


def unrolled(weights: Weights, num_frames: int) -> Iterable[tuple[str, str, tuple[Array, ...]]]:
    """Name, type and arrays of every layer of the training net over some frames, as Caffe saves it."""
    yield "pool_center_lower", "Pooling", ()
    for number in range(1, 8):
        yield f"conv{number}_stage1", "Convolution", weights[f"stage1.conv{number}"]
    for stage in range(2, 2 + num_frames):
        for number in range(1, 5):
            yield f"conv{number}_stage{stage}", "Convolution", weights[f"frame.conv{number}"]
            yield f"relu{number}_stage{stage}", "ReLU", ()
        for gate in "gio" if stage == 2 else "gfio":
            yield f"{gate}_x_stage{stage}", "Convolution", weights[f"{gate}_x"]
            if stage > 2:
                yield f"{gate}_h_stage{stage}", "Convolution", weights[f"{gate}_h"]
            yield f"{gate}_stage{stage}", "Scale", weights[gate]
        for number in range(1, 6):
            yield f"{'Mconv' if stage == 2 else 'Mres'}{number}_stage{stage}", "Convolution", weights[f"map{number}"]


# --- the file -------------------------------------------------------------------------------------


def messages() -> type[Any]:
    """Caffe's NetParameter, as far as weights go, with numbers as numbers."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="test_caffe.proto", package="test_caffe", syntax="proto2")

    def message(name: str, *fields: tuple[str, int, int, str | None, bool, bool]) -> None:
        made = file.message_type.add(name=name)
        for field_name, number, kind, of, is_repeated, is_packed in fields:
            label = field.LABEL_REPEATED if is_repeated else field.LABEL_OPTIONAL
            added = made.field.add(name=field_name, number=number, type=kind, label=label)  # type: ignore[arg-type]
            if of:
                added.type_name = f".test_caffe.{of}"
            if is_packed:
                added.options.packed = True

    sides = [(name, number, field.TYPE_INT32, None, False, False) for number, name in enumerate("nchw", start=1)]
    message("BlobShape", ("dim", 1, field.TYPE_INT64, None, True, True))
    message(
        "BlobProto",
        *sides,
        ("data", 5, field.TYPE_FLOAT, None, True, True),
        ("diff", 6, field.TYPE_FLOAT, None, True, True),
        ("shape", 7, field.TYPE_MESSAGE, "BlobShape", False, False),
        ("double_data", 8, field.TYPE_DOUBLE, None, True, True),
    )
    message(
        "LayerParameter",
        ("name", 1, field.TYPE_STRING, None, False, False),
        ("type", 2, field.TYPE_STRING, None, False, False),
        ("bottom", 3, field.TYPE_STRING, None, True, False),
        ("blobs", 7, field.TYPE_MESSAGE, "BlobProto", True, False),
    )
    message(
        "V1LayerParameter",
        ("bottom", 2, field.TYPE_STRING, None, True, False),
        ("name", 4, field.TYPE_STRING, None, False, False),
        ("type", 5, field.TYPE_INT32, None, False, False),
        ("blobs", 6, field.TYPE_MESSAGE, "BlobProto", True, False),
    )
    message(
        "NetParameter",
        ("name", 1, field.TYPE_STRING, None, False, False),
        ("layers", 2, field.TYPE_MESSAGE, "V1LayerParameter", True, False),
        ("input", 3, field.TYPE_STRING, None, True, False),
        ("layer", 100, field.TYPE_MESSAGE, "LayerParameter", True, False),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)  # type: ignore[no-untyped-call]
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test_caffe.NetParameter"))


def write_caffemodel(
    path: Path,
    layers: Iterable[tuple[str, str, tuple[Array, ...]]],
    *,
    old_layers: bool = False,
    old_shapes: bool = False,
    doubles: bool = False,
) -> Path:
    """Write layers as Caffe does; or as it did before 2014, or with the numbers of a net of doubles."""
    net = messages()(name="LSTM_5", input=["data1", "center_map"])
    for name, kind, blobs in layers:
        layer = net.layers.add(name=name, type=4) if old_layers else net.layer.add(name=name, type=kind)
        layer.bottom.append("data1")
        for values in blobs:
            blob = layer.blobs.add()
            (blob.double_data if doubles else blob.data).extend(values.ravel().tolist())
            if old_shapes:
                blob.n, blob.c, blob.h, blob.w = (1,) * (4 - values.ndim) + values.shape
            else:
                blob.shape.dim.extend(values.shape)
    path.write_bytes(net.SerializeToString())
    return path


# --- the forward pass -----------------------------------------------------------------------------


def correlate(x: Array, layer: tuple[Array, Array]) -> Array:
    """A convolution that keeps the size: a sum over the places of its kernel. (C, h, w) to (C', h, w)."""
    weight, bias = (values.astype(np.float64) for values in layer)
    kernel, (_, height, width) = weight.shape[-1], x.shape
    padded = np.pad(x, ((0, 0), *[(kernel // 2, kernel // 2)] * 2))
    out = np.zeros((weight.shape[0], height, width))
    for row in range(kernel):
        for column in range(kernel):
            seen = padded[:, row : row + height, column : column + width]
            out += np.tensordot(weight[:, :, row, column], seen, axes=1)
    return out + bias[:, None, None]


def pool(x: Array, kernel: int, stride: int, how: Any) -> Array:
    """Caffe's pooling without padding: the last window may reach over the edge, where nothing counts."""
    num = [-(-(side - kernel) // stride) + 1 for side in x.shape[1:]]
    return np.stack(
        [
            np.stack(
                [
                    how(x[:, row * stride : row * stride + kernel, col * stride : col * stride + kernel], axis=(1, 2))
                    for col in range(num[1])
                ],
                axis=-1,
            )
            for row in range(num[0])
        ],
        axis=1,
    )


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def features(image: Array, weights: Weights, net: str) -> Array:
    for number in (1, 2, 3):
        image = pool(relu(correlate(image, weights[f"{net}.conv{number}"])), 3, 2, np.max)
    return relu(correlate(image, weights[f"{net}.conv4"]))


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def maps_of_clip(frames: npt.NDArray[np.uint8], weights: Weights) -> Array:
    """The initial map of frame 1, then a map a frame, (T+1, 15, h, w), of RGB frames (T, S, S, 3)."""
    side = frames.shape[1]
    y, x = np.mgrid[:side, :side] - side / 2
    centre = pool(np.exp(-(x**2 + y**2) / (2 * (21 * side / 368) ** 2))[None], 9, 8, np.mean)
    bgr = (frames[..., ::-1].transpose(0, 3, 1, 2).astype(np.float64) - 128) / 256
    belief = features(bgr[0], weights, "stage1")
    for number in (5, 6):
        belief = relu(correlate(belief, weights[f"stage1.conv{number}"]))
    belief = correlate(belief, weights["stage1.conv7"])
    maps, hidden, cell = [belief], None, None
    for image in bgr:
        seen = np.concatenate([features(image, weights, "frame"), belief, centre])
        gates = {gate: correlate(seen, weights[f"{gate}_x"]) for gate in "gifo"}
        if hidden is not None:
            gates = {gate: gates[gate] + correlate(hidden, weights[f"{gate}_h"]) for gate in "gifo"}
        for gate in "gifo":
            factor, bias = weights[gate]
            gates[gate] = factor[:, None, None] * gates[gate] + bias[:, None, None]
        new = sigmoid(gates["i"]) * np.tanh(gates["g"])
        cell = new if cell is None else sigmoid(gates["f"]) * cell + new
        hidden = sigmoid(gates["o"]) * np.tanh(cell)
        belief = hidden
        for number in (1, 2, 3, 4):
            belief = relu(correlate(belief, weights[f"map{number}"]))
        belief = correlate(belief, weights["map5"])
        maps.append(belief)
    return np.stack(maps)

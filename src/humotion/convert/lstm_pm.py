"""The published LSTM Pose Machines: a table of Caffe's layer names and the names in `LSTMPoseMachine`.

Names, order and sharing are those of lawy623/LSTM_Pose_Machines (training/prototxt, model). The training net is
unrolled: stage 1 is ConvNet1, stage 2 is the first frame, and every later stage is one more frame. Caffe saves shared
weights once per stage. All copies must be equal, and one of them is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from humotion.convert.caffemodel import CaffeLayer, Floats
from humotion.errors import HumotionError

SHOWN_PROBLEMS = 12
GATES = "gifo"  # in the order of ConvLSTMCell
STAGE_1, STAGE_2, FROM_2, FROM_3 = range(1, 2), range(2, 3), range(2, 1000), range(3, 1000)


@dataclass(frozen=True)
class Source:
    """Where a layer of the model comes from.

    Attributes:
        target: name in the model: a layer with ``weight`` and ``bias``, or only a bias.
        names: names of its Caffe layers before ``_stage``, each with its stages; all are copies of each other.
        gate: the number of its quarter of the target's first axis, if the four gates are one layer.
    """

    target: str
    names: tuple[tuple[str, range], ...]
    gate: int | None = None

    @property
    def example(self) -> str:
        """The name of its first Caffe layer."""
        name, stages = self.names[0]
        return f"{name}_stage{stages[0]}"


def _gate_stages(gate: str) -> range:
    """The first frame has no forget gate."""
    return FROM_3 if gate == "f" else FROM_2


LAYERS: tuple[Source, ...] = (
    *(Source(f"convnet1.{i}", ((f"conv{n}", STAGE_1),)) for n, i in enumerate((0, 3, 6, 9, 11, 14, 17), start=1)),
    *(Source(f"convnet2.{i}", ((f"conv{n}", FROM_2),)) for n, i in enumerate((0, 3, 6, 9), start=1)),
    *(
        Source(f"convnet3.{i}", ((f"Mconv{n}", STAGE_2), (f"Mres{n}", FROM_3)))
        for n, i in enumerate((0, 2, 4, 6, 8), start=1)
    ),
    *(Source("lstm.from_input", ((f"{gate}_x", _gate_stages(gate)),), n) for n, gate in enumerate(GATES)),
    *(Source("lstm.from_hidden", ((f"{gate}_h", FROM_3),), n) for n, gate in enumerate(GATES)),
    # Scale layers: a factor that stays 1 in training, and the third bias of the gate.
    *(Source("lstm.gate_bias", ((gate, _gate_stages(gate)),), n) for n, gate in enumerate(GATES)),
)
SEE_PIXELS = ("convnet1.0.weight", "convnet2.0.weight")  # the channels of Caffe are BGR


def convert(path: Path, layers: list[CaffeLayer], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of an `LSTMPoseMachine` from the layers of a caffemodel.

    Args:
        path: of the file, for messages.
        layers: the layers with weights.
        expected: the state dict of the model, for its shapes.

    Raises:
        HumotionError: a layer is missing, unknown or scaled, or has a different shape or a copy that differs; the
            message names each layer, and both shapes if they differ.
    """
    problems: list[str] = []
    state = {name: torch.full_like(tensor, torch.nan, device="cpu") for name, tensor in expected.items()}
    copies: dict[Source, list[CaffeLayer]] = {source: [] for source in LAYERS}
    for layer in layers:
        if (source := source_of(layer.name)) is None:
            problems.append(f"{layer.name} belongs to no layer of the model")
        else:
            copies[source].append(layer)
    for source, found in copies.items():
        problems += _fill(state, source, found)
    if problems:
        more = f"; and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
        raise HumotionError(
            f"{path} is not the published LSTM Pose Machine: {'; '.join(problems[:SHOWN_PROBLEMS])}{more}. "
            "Nothing was written."
        )
    for name in SEE_PIXELS:
        state[name] = state[name].flip(1)
    return state


def source_of(layer: str) -> Source | None:
    """The entry of the table for a Caffe layer; None if there is none."""
    name, _, stage = layer.rpartition("_stage")
    if not stage.isdecimal():
        return None
    fitting = (source for source in LAYERS for stem, stages in source.names if stem == name and int(stage) in stages)
    return next(fitting, None)


def _fill(state: dict[str, Tensor], source: Source, found: list[CaffeLayer]) -> list[str]:
    """Put the arrays of one layer into the state dict; return a text for each problem."""
    if not found:
        return [f"{source.example} is missing"]
    first = found[0]
    is_scale = source.target in state
    names = (None, source.target) if is_scale else (f"{source.target}.weight", f"{source.target}.bias")
    if len(first.blobs) != len(names):
        return [f"{first.name} has {len(first.blobs)} arrays, not {len(names)}"]
    problems = [f"{copy.name} differs from its copy {first.name}" for copy in found[1:] if not _equal(copy, first)]
    for blob, name in zip(first.blobs, names, strict=True):
        if name is None:
            problems += [] if (blob == 1).all() else [f"{first.name} scales its gate by a factor that is not 1"]
            continue
        target = state[name] if source.gate is None else state[name].chunk(len(GATES))[source.gate]
        values = _in_shape(blob, tuple(target.shape))
        if values is None:
            problems.append(f"{first.name} has shape {blob.shape}, but {name} of the model needs {tuple(target.shape)}")
        else:
            target.copy_(torch.from_numpy(values))
    return problems


def _in_shape(blob: Floats, shape: tuple[int, ...]) -> Floats | None:
    """The array in ``shape``; its own may have extra leading ones, as in old files; None if it does not fit."""
    extra = blob.ndim - len(shape)
    return blob.reshape(shape) if extra >= 0 and blob.shape == (1,) * extra + shape else None


def _equal(one: CaffeLayer, other: CaffeLayer) -> bool:
    return len(one.blobs) == len(other.blobs) and all(map(np.array_equal, one.blobs, other.blobs))

"""A part of a model that becomes one file: its tensors, by name, and what their axes are.

frames (batch, time, ...) --+
                            +--> graph --> probabilities (batch, class)
is_padding (batch, time) ---+
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from humotion.export.lengths import open_lengths

BATCH, TIME = "batch", "time"
_LOWEST = 2  # torch.export's usual lower limit of an open size, at which a size of 1 works, too
Axes = Mapping[str, tuple[str, ...]]
Sizes = dict[str, list[int | str]]


@dataclass(frozen=True)
class Graph:
    """What is exported as one file.

    Attributes:
        name: of the file.
        module: its forward takes the inputs in their order, as ``*tensors``, and returns the outputs as a tuple.
        inputs: the names of the axes of each input, by its name.
        outputs: the same of each output. No output has the name of an input, which ONNX forbids.
        state: for a graph that is run again and again, the output that each of these inputs gets at the next call.
    """

    name: str
    module: nn.Module
    inputs: Axes
    outputs: Axes
    state: Mapping[str, str]


@dataclass(frozen=True)
class Traced:
    """A graph as torch.export wrote it down.

    Attributes:
        graph: what it was made of.
        program: the result of torch.export.
        shapes: of every input, a number per axis, or the axis's name if any size is possible there.
        dtypes: of every input, as numpy names it.
        most: the largest possible size of an axis that has one.
        least: the smallest possible size of an axis that has one above 1.
        symbols: torch's name of every axis with any size.
    """

    graph: Graph
    program: ExportedProgram
    shapes: Sizes
    dtypes: dict[str, str]
    most: dict[str, int]
    least: dict[str, int]
    symbols: dict[str, str]

    @property
    def any_time(self) -> bool:
        """Whether clips may have another number of frames than those of the training."""
        return TIME in self.symbols.values()

    @property
    def least_time(self) -> int:
        """The fewest frames that a clip may have, if it may have any number."""
        return self.least.get(TIME, 1)


def trace(graph: Graph, example: Mapping[str, Tensor]) -> Traced:
    """Run torch.export on a graph.

    The number of clips in a batch stays open, and so does the number of frames if the model works for any.

    Args:
        graph: what to export.
        example: its inputs, with at least two clips of at least two frames, because sizes of 1 would stay 1. The number
            of frames is not the largest one that the model permits, because that one would stay, too.
    """
    # DYNAMIC must stay open; with AUTO, torch.export finds out whether the model permits it.
    open_axes = {BATCH: Dim.DYNAMIC, TIME: Dim.AUTO}
    shapes = tuple(
        {place: open_axes.get(axis, Dim.STATIC) for place, axis in enumerate(axes)} for axes in graph.inputs.values()
    )
    # Copies: torch.export would also write down of what larger tensor a view is a part.
    tensors = tuple(example[name].clone(memory_format=torch.contiguous_format) for name in graph.inputs)
    with open_lengths():
        program = export(graph.module, tensors, dynamic_shapes=(shapes,))
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    found = [nodes[name].meta["val"] for name in program.graph_signature.user_inputs]
    sizes: Sizes = {}
    most: dict[str, int] = {}
    least: dict[str, int] = {}
    symbols: dict[str, str] = {}
    for (name, axes), value in zip(graph.inputs.items(), found, strict=True):
        sizes[name] = []
        for size, axis in zip(value.shape, axes, strict=True):
            is_open = not isinstance(size, int) and not size.node.expr.is_Integer
            sizes[name].append(axis if is_open else int(size))
            if is_open:
                symbols[str(size)] = axis
                limits = program.range_constraints[size.node.expr]
                if limits.upper.is_Integer:  # not torch's infinity
                    most[axis] = int(limits.upper)
                if limits.lower > _LOWEST:
                    least[axis] = int(limits.lower)
    dtypes = {name: dtype_name(example[name]) for name in graph.inputs}
    return Traced(graph, program, sizes, dtypes, most, least, symbols)


def dtype_name(tensor: Tensor) -> str:
    """The type of a tensor as numpy names it."""
    return str(tensor.dtype).removeprefix("torch.")

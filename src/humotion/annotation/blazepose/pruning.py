"""A network without the parts that compute outputs nobody asks for.

A good part of the landmark network's work is a mask of the person in full size. TFLite computes every operator of a
file, so those that lead only to the mask are taken out when the file is loaded. What is left computes the same bits.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


def without_other_outputs(content: bytes, outputs: Collection[str]) -> bytes:
    """The bytes of a TFLite file with only these outputs, and only the operators that lead to them."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.ModelT.InitFromPackedBuf(content, 0)
    (graph,) = model.subgraphs
    graph.outputs = [index for index in graph.outputs if graph.tensors[index].name.decode() in outputs]
    needed, kept = {int(index) for index in graph.outputs}, []
    for operator in reversed(graph.operators):
        if any(int(index) in needed for index in operator.outputs):
            kept.append(operator)
            needed |= {int(index) for index in operator.inputs}
    graph.operators = kept[::-1]
    model.signatureDefs = None  # they name the outputs again
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())

"""ONNX: a graph that ONNX Runtime and many other programs run. It needs the extra ``export``."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from humotion.errors import HumotionError
from humotion.export.graph import Traced

SUFFIX = ".onnx"


def check_installed() -> None:
    """Raise a HumotionError if a package that makes or runs a file is missing."""
    _need("Export to ONNX", "onnx", "onnxruntime", "onnxscript")


def check_runtime() -> None:
    """Raise a HumotionError if the package that runs a finished file is missing."""
    _need("An exported model", "onnxruntime")


def _need(what: str, *packages: str) -> None:
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            raise HumotionError(
                f"{what} needs the package {error.name}, which is not installed: pip install 'humotion[export]'"
            ) from error


def versions() -> dict[str, str]:
    """The packages that make and run such a file."""
    import onnx
    import onnxruntime
    import onnxscript

    return {module.__name__: module.__version__ for module in (onnx, onnxscript, onnxruntime)}


def write(traced: Traced, path: Path) -> None:
    """Write a graph with its weights as one file."""
    import onnx

    graph = traced.graph
    with _quiet():
        program = torch.onnx.export(
            traced.program,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamo=True,
            verbose=False,
            custom_translation_table={torch.ops.aten.sort.stable: _stable_sort},
        )
    assert program is not None
    model = program.model_proto
    _name_axes(model.graph, traced.symbols)
    onnx.save(model, path)
    onnx.checker.check_model(path, full_check=True)


def runner(
    path: Path, inputs: Sequence[str], outputs: Sequence[str], num_threads: int = 0
) -> Callable[[Mapping[str, Tensor]], dict[str, Tensor]]:
    """Return a function that runs the file of a graph on named inputs, and returns the outputs by name.

    ``num_threads`` is 0 for as many as ONNX Runtime chooses.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        found = session.run(list(outputs), {name: given[name].numpy() for name in inputs})
        return {name: torch.from_numpy(value) for name, value in zip(outputs, found, strict=True)}

    return run


def _stable_sort(self: Any, stable: bool | None = None, dim: int = -1, descending: bool = False) -> Any:
    """`torch.sort` with ``stable=True``, for which PyTorch has no translation: of equal values, TopK takes the first.

    Models of landmarks move frames without anybody to the end in this way.
    """
    from onnxscript import opset18

    op: Any = opset18
    numbers = op.Cast(self, to=7)  # int64: what is sorted here are flags
    size = op.Gather(op.Shape(numbers), op.Constant(value_ints=[dim]), axis=0)
    values, indices = op.TopK(numbers, size, axis=dim, largest=int(descending), sorted=1)
    return op.CastLike(values, self), indices


def _name_axes(graph: Any, symbols: Mapping[str, str]) -> None:
    """Give open axes their names, in place of torch's symbols (s17, 4*s17)."""
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.HasField("dim_param"):
                dimension.dim_param = re.sub(
                    r"\bs\d+\b", lambda found: symbols.get(found[0], found[0]), dimension.dim_param
                )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without notes on operators of torchvision, which no model here has, and on PyTorch's own deprecated calls."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)

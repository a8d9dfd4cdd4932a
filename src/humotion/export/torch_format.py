"""A ``.pt2`` file of torch.export: a graph that runs with PyTorch alone, without this package's code."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from humotion.export.graph import Graph, Traced

SUFFIX = ".pt2"


def check_installed() -> None:
    """Nothing is needed but PyTorch."""


def versions() -> dict[str, str]:
    """There are no other packages than PyTorch, which is named anyway."""
    return {}


def write(traced: Traced, path: Path) -> None:
    """Write a graph with its weights as one file."""
    with warnings.catch_warnings(action="ignore"):  # weights on other devices than the CPU, which none is
        torch.export.save(traced.program, path)


def runner(path: Path, graph: Graph, num_threads: int = 0) -> Callable[[Mapping[str, Tensor]], dict[str, Tensor]]:
    """Return a function that runs the file of a graph on named inputs, and returns the outputs by name.

    ``num_threads`` has no effect, because PyTorch has one number for all it does (`torch.set_num_threads`).
    """
    module = torch.export.load(path).module()

    def run(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        with torch.no_grad():
            outputs = module(*(inputs[name] for name in graph.inputs))
        return dict(zip(graph.outputs, outputs, strict=True))

    return run

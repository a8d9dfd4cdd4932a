"""A ``.pt2`` file of torch.export: a graph that runs with PyTorch alone, without this package's code."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from humotion.export.graph import Traced

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


def runner(
    path: Path, inputs: Sequence[str], outputs: Sequence[str], num_threads: int = 0
) -> Callable[[Mapping[str, Tensor]], dict[str, Tensor]]:
    """Return a function that runs the file of a graph on named inputs, and returns the outputs by name.

    ``num_threads`` has no effect, because PyTorch has one number for all it does (`torch.set_num_threads`).
    """
    return by_name(torch.export.load(path).module(), inputs, outputs)


def by_name(
    module: Callable[..., Any], inputs: Sequence[str], outputs: Sequence[str]
) -> Callable[[Mapping[str, Tensor]], dict[str, Tensor]]:
    """Return a function with named tensors for a module whose tensors have an order.

    The tensors are contiguous, as those of the export were: compiled code does not look at strides.
    """

    def run(given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        with torch.no_grad():
            found = module(*(given[name].contiguous() for name in inputs))
        return dict(zip(outputs, found, strict=True))

    return run

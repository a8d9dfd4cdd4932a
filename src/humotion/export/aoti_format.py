"""AOTInductor: a graph compiled for this kind of CPU. It runs with PyTorch, but without compiling anything there."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from humotion.errors import HumotionError
from humotion.export.graph import Traced
from humotion.export.torch_format import by_name

SUFFIX = ".aoti.pt2"


def check_installed() -> None:
    """Raise a HumotionError if there is no C++ compiler."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise HumotionError(
            "--to aoti needs a C++ compiler, and none was found: install g++ or clang, or name one by the environment "
            "variable CXX."
        ) from error


def versions() -> dict[str, str]:
    """The file depends on the instructions of the CPU, and on the version of PyTorch."""
    from torch._inductor.cpu_vec_isa import pick_vec_isa

    return {"cpu": str(pick_vec_isa())}


def write(traced: Traced, path: Path) -> None:
    """Compile a graph, and write it with its weights as one file."""
    with warnings.catch_warnings(action="ignore"):
        torch._inductor.aoti_compile_and_package(traced.program, package_path=str(path))


def runner(
    path: Path, inputs: Sequence[str], outputs: Sequence[str], num_threads: int = 0
) -> Callable[[Mapping[str, Tensor]], dict[str, Tensor]]:
    """Return a function that runs the file of a graph on named inputs, and returns the outputs by name.

    ``num_threads`` has no effect, because PyTorch has one number for all it does (`torch.set_num_threads`).
    """
    return by_name(torch._inductor.aoti_load_package(str(path)), inputs, outputs)

"""The length of a tensor as torch.export needs it.

Python's ``len`` always returns a plain number. So where a model asks for ``len(tensor)``, torch.export would write down
the number of clips or frames of the example, and the exported graph would accept no other. While a model is traced, the
modules of the models call another ``len``, which returns the size that torch.export follows.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

MODELS = "humotion.models."


def _length(value: Any) -> Any:
    return value.shape[0] if isinstance(value, Tensor) else builtins.len(value)


@contextmanager
def open_lengths() -> Iterator[None]:
    """Let ``len(tensor)`` in the models' modules return a size that stays open; see the module docstring."""
    modules: list[Any] = [module for name, module in list(sys.modules.items()) if name.startswith(MODELS)]
    for module in modules:
        module.len = _length
    try:
        yield
    finally:
        for module in modules:
            del module.len

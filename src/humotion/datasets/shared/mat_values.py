"""Values of MATLAB files as numbers and text, whether they are stored plainly or inside cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from humotion.datasets.shared.base import LabelError


def floats_of(content: Mapping[str, Any], name: str, path: Path) -> npt.NDArray[np.float32]:
    """A field as float32, of its own shape; raises LabelError, which names file and field."""
    return np.asarray(_numbers(content, name, path), np.float32)


def masks_of(content: Mapping[str, Any], name: str, path: Path) -> npt.NDArray[Any]:
    """A field of numbers in its own type: a mask is large; raises LabelError, which names file and field."""
    return _numbers(content, name, path)


def integer_of(content: Mapping[str, Any], name: str, path: Path) -> int:
    """A field that holds one whole number; raises LabelError, which names file and field."""
    value = _numbers(content, name, path)
    number = float(value.ravel()[0]) if value.size == 1 else float("nan")
    if not number.is_integer():
        raise LabelError(f"{path.name}: field '{name}' is not one whole number")
    return int(number)


def text_of(content: Mapping[str, Any], name: str, path: Path) -> str:
    """A field that holds one line of text, without blanks around it; raises LabelError, which names file and field."""
    value = _out_of_cells(content[name])
    text = str(value.ravel()[0]).strip(" \t\r\n\0") if value.dtype.kind in "US" and value.size == 1 else ""
    if not text:
        raise LabelError(f"{path.name}: field '{name}' is not one line of text")
    return text


def _numbers(content: Mapping[str, Any], name: str, path: Path) -> npt.NDArray[Any]:
    value = _out_of_cells(content[name])
    if value.dtype.kind not in "biuf":
        kind = {"O": "a cell array", "V": "a struct", "U": "text", "S": "text", "c": "complex"}
        raise LabelError(f"{path.name}: field '{name}' is {kind.get(value.dtype.kind, value.dtype)}, not numbers")
    return value


def _out_of_cells(value: Any) -> npt.NDArray[Any]:
    """The content of a cell array that has one cell, at any depth."""
    found = np.asarray(value)
    while found.dtype == object and found.size == 1:
        found = np.asarray(found.ravel()[0])
    return found

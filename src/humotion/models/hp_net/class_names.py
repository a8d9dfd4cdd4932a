"""Vectors of class names: a small table by a sentence encoder, so that no training and no prediction needs that.

The table of the package has the classes of HMDB51, among which are those of JHMDB, and of Penn Action. They are encoded
by all-MiniLM-L6-v2 (Apache-2.0): 384 values, the mean of a name's tokens, at length 1. `humotion embed-classes` writes
a table of other names.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from humotion.errors import HumotionError
from humotion.files import atomic_path

Floats = npt.NDArray[np.float32]

ENCODER = "all-MiniLM-L6-v2"
DIM = 384
KEY = "class_names"
SHIPPED = Path(__file__).with_name("class_names.safetensors")


def words(name: str) -> str:
    """Return the words of a class name, in lower case: ``shake_hands`` and ``ShakeHands`` become ``shake hands``."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.split(r"[\s_\-]+", apart.strip(" _-"))).lower()


def write_vectors(path: Path, vectors: Mapping[str, Floats]) -> None:
    """Write a table of vectors (`DIM`,) by the words of the class names, in float16."""
    names = sorted(vectors)
    table = np.stack([vectors[name] for name in names]).astype(np.float16)
    # One key: several are written in any order, and the same table must be the same file.
    content = save({"vectors": table}, {KEY: json.dumps({"encoder": ENCODER, "names": names})})
    with atomic_path(path) as part:
        part.write_bytes(content)


def read_vectors(path: Path) -> dict[str, Floats]:
    """Read a table: vectors (`DIM`,) of length 1, by the words of the class names.

    Raises:
        HumotionError: the file does not exist, or is no such table.
    """
    if not path.is_file():
        raise HumotionError(f"There is no table of class names {path}. Make one with `humotion embed-classes`.")
    try:
        with safe_open(path, "numpy") as file:
            names = json.loads((file.metadata() or {})[KEY])["names"]
            table = np.asarray(file.get_tensor("vectors"), np.float32)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise HumotionError(_no_table(path, str(error))) from None
    if table.shape != (len(names), DIM) or not np.isfinite(table).all() or not table.any(1).all():
        raise HumotionError(_no_table(path, f"{len(names)} names, and vectors of shape {table.shape}"))
    return dict(zip(names, table / np.linalg.norm(table, axis=1, keepdims=True), strict=True))


def vectors_of(classes: Sequence[str], more: Path | None = None) -> Floats:
    """Return the vectors (K, `DIM`) of classes, from the table ``more`` or else from that of the package.

    Raises:
        HumotionError: a class is in neither of them, or ``more`` cannot be read.
    """
    known = {**read_vectors(SHIPPED), **({} if more is None else read_vectors(more))}
    if absent := [name for name in classes if words(name) not in known]:
        tables = "the package" if more is None else f"the package and {more}"
        raise HumotionError(
            f"There is no vector of the class {', '.join(map(repr, absent))} in the table of {tables}. Make a table "
            f"with `humotion embed-classes {shlex.join(absent)}`, and set model.weights to its file. Or set "
            "model.text to random, learned or none."
        )
    return np.stack([known[words(name)] for name in classes])


def _no_table(path: Path, reason: str) -> str:
    return f"{path} is not a table of class names: {reason}. Make it again with `humotion embed-classes`."

"""Atomic writes: a file or folder is either the old one or the complete new one.

Everything is written beside its destination under a temporary name and renamed at the end, so a
killed process leaves no half-written output where a reader, or DVC, would take it for whole.
"""

from __future__ import annotations

import json
import math
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` (same suffix) that replaces it if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a new temporary folder beside ``folder`` that replaces it if the block succeeds."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        yield temporary
        move_into_place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move_into_place(source: Path, destination: Path) -> None:
    """Put a finished folder where ``destination`` stands or stood; across devices through a copy."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    near = destination.with_name(f".{destination.name}.{uuid.uuid4().hex[:8]}")
    shutil.move(source, near)
    if destination.exists():
        shutil.rmtree(destination)
    near.replace(destination)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, keys in the order given, in one atomic step.

    JSON knows no NaN: what is not a number is written as null.
    """
    with atomic_path(path) as temporary:
        text = json.dumps(_without_nan(value), indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def file_stem(clip_id: str) -> str:
    """What the files about a clip are named, without ending: its id, which has folders in it, for one folder."""
    return clip_id.replace("/", "_")

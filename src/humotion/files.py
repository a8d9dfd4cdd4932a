"""Atomic writes: a file or folder is either the old one or the complete new one.

Everything is written next to its destination under a temporary name and renamed at the end. So a
killed process leaves no half-written output that a reader, or DVC, would take as complete.
"""

from __future__ import annotations

import contextlib
import errno
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
    """Yield a temporary path next to ``path`` (same suffix) that replaces it if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a new temporary folder next to ``folder`` that replaces it if the block succeeds."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        yield temporary
        move_into_place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move_into_place(source: Path, destination: Path) -> None:
    """Move a finished folder to ``destination`` and replace what is there. Across devices this makes a copy."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    near = destination.with_name(f".{destination.name}.{uuid.uuid4().hex[:8]}")
    shutil.move(source, near)
    old = destination.with_name(f".{destination.name}.{uuid.uuid4().hex[:8]}")
    while True:
        # Renamed before it is deleted: the place is empty for two system calls, not for a whole rmtree.
        with contextlib.suppress(FileNotFoundError):
            destination.replace(old)
        try:
            near.replace(destination)
            break
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            shutil.rmtree(old, ignore_errors=True)  # another process was faster; its folder is replaced, too
    shutil.rmtree(old, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON in one atomic step; keys keep their order.

    JSON has no NaN: NaN and infinite values are written as null.
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
    """The file name, without its ending, for files about a clip: the clip's id with its slashes replaced."""
    return clip_id.replace("/", "_")

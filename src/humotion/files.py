"""Atomic writes: a file or folder is either the old one or the complete new one.

Everything is written next to its destination under a temporary name and renamed at the end. So a
killed process leaves no half-written output that a reader, or DVC, would take as complete.

A temporary name, ``.<name>.<token>``, tells which process made it. What a killed process left in a folder is removed
when another process writes to that folder for the first time.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from humotion.system.names import MOST_BYTES, cut_to_bytes
from humotion.system.processes import owner_of_token, token

_FORGOTTEN = 24 * 3600  # seconds without a change, after which a temporary file of another machine is litter
_OF_OLD = re.compile(r"[0-9a-f]{8}")  # the tokens of earlier versions, which named no process
_tidied: set[Path] = set()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path`` (same suffix) that replaces it if the block succeeds.

    Raises:
        OSError: the name of ``path`` is too long; at once, not after the work of the block.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _hidden(path, path.stem, path.suffix)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a new temporary folder next to ``folder`` that replaces it if the block succeeds.

    Raises:
        OSError: the name of ``folder`` is too long; at once, not after the work of the block.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = _hidden(folder, folder.name)
    temporary.mkdir()
    try:
        yield temporary
        move_into_place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move_into_place(source: Path, destination: Path) -> None:
    """Move a finished folder to ``destination`` and replace what is there. Across devices this makes a copy."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    near, old = (_hidden(destination, destination.name) for _ in range(2))
    shutil.move(source, near)
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


def remove_litter(folder: Path, name: str = "") -> None:
    """Remove the temporary files and folders in ``folder`` whose processes have died.

    Those of another machine are removed a day after their last change. Those of earlier versions, whose names tell no
    process, are removed if they were made for the output ``name``.
    """
    for entry in list(folder.glob(".*.*")):
        if _is_litter(entry, name):
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)


def _is_litter(entry: Path, name: str) -> bool:
    # .<name>.<token> or .<stem>.<token>.<suffix>; the name itself may contain dots
    _, *parts = entry.name.split(".")
    for place in (-1, -2):
        if len(parts) + place < 1:
            continue
        owner = owner_of_token(parts[place])
        if owner is not None:
            return owner.is_gone or (not owner.is_here and _is_forgotten(entry))
        if _OF_OLD.fullmatch(parts[place]):
            return name == ".".join(parts[:place] + parts[len(parts) + place + 1 :])
    return False


def _is_forgotten(entry: Path) -> bool:
    try:
        inside = list(entry.rglob("*")) if entry.is_dir() else []
        return time.time() - max(path.lstat().st_mtime for path in [entry, *inside]) > _FORGOTTEN
    except OSError:
        return False  # it has just been removed, or it changes now


def _hidden(path: Path, stem: str, suffix: str = "") -> Path:
    """A new hidden path next to ``path``, with as much of ``stem`` as its name has room for.

    A process's first one in a folder removes the litter there.
    """
    if len(os.fsencode(path.name)) > MOST_BYTES:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path))
    place = path.parent.resolve()
    if place not in _tidied:
        _tidied.add(place)
        remove_litter(place, stem + suffix)
    unique = token()
    if len(os.fsencode(suffix)) > MOST_BYTES // 2:  # a sentence with a dot in it, not a format
        suffix = ""
    room = MOST_BYTES - len(os.fsencode(f"..{unique}{suffix}"))
    return path.with_name(f".{cut_to_bytes(stem, room)}.{unique}{suffix}")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON in one atomic step; keys keep their order.

    JSON has no NaN: NaN and infinite values are written as null.
    """
    with atomic_path(path) as temporary:
        text = json.dumps(without_nan(value), indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def without_nan(value: Any) -> Any:
    """Return a JSON value with None in place of NaN and infinite values, which JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

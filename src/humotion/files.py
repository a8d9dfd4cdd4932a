"""Atomic writes: a file or folder is either the old one or the complete new one.

Everything is written next to its destination under a temporary name and renamed at the end. So a
killed process leaves no half-written output that a reader, or DVC, would take as complete.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import shutil
import unicodedata
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MOST_BYTES = 255
"""The longest name of a file or folder, in bytes, that file systems take."""
STEM_BYTES = 120
"""The longest stem that `file_stem` makes. There is room for what callers put before and after it."""
_DIGEST_LETTERS = 8


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
    """The file name, without its ending, for files about a clip: the clip's id with its slashes replaced.

    A long id is shortened (see `short_name`). Two ids may have the same stem; `file_stems` tells them apart.
    """
    return short_name(clip_id.replace("/", "_"), STEM_BYTES)


def file_stems(clip_ids: Iterable[str]) -> dict[str, str]:
    """One `file_stem` per id. Ids whose stems differ in nothing, or only in case, get a digest as well."""
    stems = {clip_id: file_stem(clip_id) for clip_id in clip_ids}
    folded = [_folded(stem) for stem in stems.values()]
    return {
        clip_id: f"{stem}~{_digest(clip_id)}" if folded.count(_folded(stem)) > 1 else stem
        for clip_id, stem in stems.items()
    }


def short_name(name: str, most_bytes: int = 200) -> str:
    """``name``, shortened to at most ``most_bytes`` bytes and with a digest of all of it, if it is longer.

    The digest keeps names apart that have the same start. It depends on the name alone.
    """
    if len(os.fsencode(name)) <= most_bytes:
        return name
    ending = f"~{_digest(name)}"
    return cut_to_bytes(name, most_bytes - len(ending)) + ending


def cut_to_bytes(name: str, most_bytes: int) -> str:
    """The longest start of ``name`` with at most ``most_bytes`` bytes; a letter of several bytes stays whole."""
    size = 0
    for position, letter in enumerate(name):
        size += len(os.fsencode(letter))
        if size > most_bytes:
            return name[:position]
    return name


def _hidden(path: Path, stem: str, suffix: str = "") -> Path:
    """A new hidden path next to ``path``, with as much of ``stem`` as its name has room for."""
    if len(os.fsencode(path.name)) > MOST_BYTES:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path))
    unique = uuid.uuid4().hex[:8]
    if len(os.fsencode(suffix)) > MOST_BYTES // 2:  # a sentence with a dot in it, not a format
        suffix = ""
    room = MOST_BYTES - len(os.fsencode(f"..{unique}{suffix}"))
    return path.with_name(f".{cut_to_bytes(stem, room)}.{unique}{suffix}")


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:_DIGEST_LETTERS]


def _folded(name: str) -> str:
    """What a file system that ignores case and composition compares."""
    return unicodedata.normalize("NFC", name).casefold()

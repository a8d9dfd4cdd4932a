"""The split files of HMDB51 and JHMDB: ``<class>_test_split<k>.txt``, one video and its code per line.

Those of sub-JHMDB are ``<class>_test_split_<k>.txt``: the official LSTM Pose Machines code looks for ``*split_1.txt``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from humotion.datasets.shared.base import visible_entries

_FILE_NAME = re.compile(r"(?P<label>.+)_test_split_?(?P<number>\d+)\.txt")  # sub-JHMDB has the underscore
_ROLES = {"0": None, "1": "train", "2": "test"}  # 0: not used in this split


@dataclass
class SplitEntry:
    """What the split files say about one video: its role per split, and what could not be read."""

    label: str
    roles: dict[str, str | None] = field(default_factory=dict)
    error: str | None = None


def read_splits(folder: Path, column: str) -> dict[tuple[str, str], SplitEntry]:
    """All videos that a folder of split files names, by (class, file name).

    The role in split k has the key ``f"{column}_{k}"``. A line without a valid code leaves an
    ``error`` in its entry. An absent folder gives an empty result.
    """
    entries: dict[tuple[str, str], SplitEntry] = {}
    for path in visible_entries(folder):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            continue
        label = match["label"]
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            name, code = _parse(line)
            entry = entries.setdefault((label, name), SplitEntry(label))
            if code in _ROLES:
                entry.roles[f"{column}_{match['number']}"] = _ROLES[code]
            else:
                entry.error = f"{path.name}, line {number}: no code 0, 1 or 2 after the file name"
    return entries


def split_columns(entries: dict[tuple[str, str], SplitEntry]) -> list[str]:
    """The names of all splits that occur, sorted."""
    return sorted({split for entry in entries.values() for split in entry.roles})


def _parse(line: str) -> tuple[str, str]:
    """Cut the code off at the right: file names may contain spaces."""
    name, _, code = line.strip().rpartition(" ")
    return (name.strip(), code) if name else (code, "")


def status_of(path: Path, entry: SplitEntry) -> dict[str, str]:
    """The status and error of a clip before it is probed."""
    if entry.error:
        return {"status": "corrupt", "error": entry.error}
    if not path.exists():
        return {"status": "missing", "error": "named in a split file, but not on disk"}
    return {"status": "ok"}

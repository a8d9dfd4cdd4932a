"""The split files of HMDB51 and JHMDB: ``<class>_test_split<k>.txt``, one video and its code per line.

Those of sub-JHMDB are ``<class>_test_split_<k>.txt``: the official LSTM Pose Machines code looks for ``*split_1.txt``.
They are found wherever they lie below the root. What cannot be read is an error or a row with a status: a split that is
read in part would be another split.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from humotion.datasets.shared.base import Layout
from humotion.datasets.shared.text import is_whole, read_text
from humotion.errors import HumotionError
from humotion.video.listing import VIDEO_SUFFIXES, printable, suffix_of

_FILE_NAME = re.compile(
    r"(?P<label>.+)_test_split_?(?P<number>\d+)\.txt", re.IGNORECASE
)  # sub-JHMDB has the underscore
_ROLES = {"0": None, "1": "train", "2": "test"}  # 0: not used in this split

Key = tuple[str, str]
"""A class, and a clip's name without its ending."""


@dataclass
class SplitEntry:
    """What the split files say about one video: its role per split, and what could not be read."""

    label: str
    roles: dict[str, str | None] = field(default_factory=dict)
    error: str | None = None


def read_splits(layout: Layout, column_of: Callable[[str], str]) -> dict[Key, SplitEntry]:
    """All videos that the split files below a root name, by class and name without ending.

    The role in split k has the key ``f"{column}_{k}"``; ``column_of`` says which column a file (its path below the
    root) belongs to. A line that cannot be understood leaves an ``error`` in its entry. Without any split file the
    result is empty, and a note of the layout says what was looked for.

    Raises:
        HumotionError: a file cannot be read or is empty, two files say different things of one class, or a split lacks
            a class that it has in another file.
    """
    entries: dict[Key, SplitEntry] = {}
    files = _split_files(layout, column_of)
    for (column, label), paths in files.items():
        texts = {path: read_text(layout.root / path) for path in paths}
        if len(set(texts.values())) > 1:
            raise HumotionError(f"{layout.root}: {' and '.join(paths)} say different things of one split: keep one.")
        layout.used |= texts.keys()
        _read_lines(paths[0], texts[paths[0]], column, label, entries)
    _require_all_classes(layout, files)
    if not files:
        layout.notes.append(_nothing_found(layout))
    return entries


def split_columns(entries: dict[Key, SplitEntry]) -> list[str]:
    """The names of all splits that occur, sorted."""
    return sorted({split for entry in entries.values() for split in entry.roles})


def stem_of(name: str) -> str:
    """A clip's name without the ending of a video, if it has one: names contain dots."""
    return name[: -len(suffix_of(name))] if suffix_of(name) in VIDEO_SUFFIXES else name


def _split_files(layout: Layout, column_of: Callable[[str], str]) -> dict[tuple[str, str], list[str]]:
    """The paths of the split files, by column and class."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in layout.tree.files:
        if match := _FILE_NAME.fullmatch(path.rpartition("/")[2]):
            found[f"{column_of(path)}_{int(match['number'])}", match["label"]].append(path)
    return found


def _read_lines(path: str, text: str, column: str, label: str, entries: dict[Key, SplitEntry]) -> None:
    said: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip(" \t\0\ufeff"):
            continue
        name, code = _parse(line)
        entry = entries.setdefault((label, name), SplitEntry(label))
        if not is_whole(name):
            entry.error = f"{path}, line {number}: the name is not UTF-8"
        elif code not in _ROLES:
            entry.error = f"{path}, line {number}: no code 0, 1 or 2 after the file name"
        elif said.setdefault(name, code) != code:
            entry.error = f"{path}, line {number}: another code than in a line before"
        else:
            entry.roles[column] = _ROLES[code]
    if not said:
        raise HumotionError(f"The split file {path} has no line like 'clip.avi 1': fetch the split files again.")


def _parse(line: str) -> tuple[str, str]:
    """Cut the code off at the right: file names may contain spaces. A folder before the name is cut off, too."""
    name, _, code = line.strip(" \t\0\ufeff").replace("\t", " ").rpartition(" ")
    if not name:
        name, code = code, ""
    return stem_of(re.split(r"[/\\]", name.strip())[-1]), code


def _require_all_classes(layout: Layout, files: dict[tuple[str, str], list[str]]) -> None:
    """All splits of one family must name the same classes: a lost file would take a class out of a split."""
    families: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for column, label in files:
        families[column.rpartition("_")[0]].setdefault(column, set()).add(label)
    for columns in families.values():
        classes = set().union(*columns.values())
        for column, labels in sorted(columns.items()):
            if lost := sorted(classes - labels):
                file = f"{lost[0]}_test_split{column.rpartition('_')[2]}.txt"
                more = f" (and {len(lost) - 1} more)" if lost[1:] else ""
                raise HumotionError(
                    f"The official {column} below {layout.root} is incomplete: there is no {file}{more}, but "
                    f"{lost[0]} is in another split. Fetch the split files again, or remove all files of this split."
                )


def _nothing_found(layout: Layout) -> str:
    others = [path for path in layout.tree.files if suffix_of(path) == ".txt"]
    listed = ", ".join(map(printable, others[:5])) + (", ..." if others[5:] else "")
    found = f"there are other text files: {listed}" if others else "there is no text file"
    return (
        f"no official split was found: looked for <class>_test_split<k>.txt anywhere below {layout.root}; {found}. "
        "The official splits cannot be chosen in clips.split; 'grouped' can"
    )

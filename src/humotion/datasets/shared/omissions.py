"""What a layout leaves out: everything below the root that is neither a video of the table nor read for one.

The list is made by subtraction, not by each reader: what nobody thought of is in it, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from humotion.datasets.shared.tree import Tree
from humotion.video.listing import is_image, printable

_MOST = 1000
"""The most entries that index.json names; further ones are counted."""


@dataclass(frozen=True)
class Omissions:
    """``entries``: files, and folders (with a slash at the end) of which no file is used, with numbers of files."""

    entries: dict[str, int]
    unlisted: dict[str, str]
    system: Counter[str]

    def as_json(self) -> dict[str, Any]:
        """The section ``left_out`` of index.json."""
        named = dict(list(self.entries.items())[:_MOST])
        more = {"more": len(self.entries) - _MOST} if len(self.entries) > _MOST else {}
        return {
            "num_files": sum(self.entries.values()),
            "files": {printable(path): count for path, count in named.items()},
            **more,
            "folders_not_listed": {printable(path): reason for path, reason in self.unlisted.items()},
            "system_entries": dict(sorted(self.system.items())),
        }

    def in_words(self, expected: Iterable[str] = ()) -> list[str]:
        """Sentences for the user; entries that start with one of ``expected`` need none."""
        wholly = tuple(expected)
        told = {path: count for path, count in self.entries.items() if not path.startswith(wholly)}
        lines = [f"{printable(path)} cannot be listed: {reason}" for path, reason in list(self.unlisted.items())[:5]]
        if told:
            shown = [f"{printable(path)}{f' ({count} files)' if count > 1 else ''}" for path, count in told.items()]
            more = ", ..." if shown[5:] else ""
            lines.append(
                f"{sum(told.values())} files are left out: {', '.join(shown[:5])}{more} (index.json names them)"
            )
        return lines


def find_omissions(tree: Tree, videos: Iterable[str], used: Iterable[str]) -> Omissions:
    """Compare a root with the videos and annotation files that a layout takes from it; all are paths below the root.

    Of a folder of frames, the images directly in it are used.
    """
    taken = {*videos, *used}
    left = [path for path in tree.files if not _is_taken(printable(path), taken)]
    busy = _folders_of(set(tree.files) - set(left))
    return Omissions(dict(sorted(Counter(_topmost(path, busy) for path in left).items())), tree.unlisted, tree.system)


def _is_taken(path: str, taken: set[str]) -> bool:
    return path in taken or (is_image(path) and path.rpartition("/")[0] in taken)


def _folders_of(paths: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        while (path := path.rpartition("/")[0]) and path not in found:
            found.add(path)
    return found


def _topmost(path: str, busy: set[str]) -> str:
    """The highest folder of a path in which nothing is used; the path itself if its own folder is in use."""
    parts = path.split("/")
    for end in range(1, len(parts)):
        folder = "/".join(parts[:end])
        if folder not in busy:
            return f"{folder}/"
    return path

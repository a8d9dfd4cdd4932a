"""What was probably meant by a path that does not exist: the file whose name differs in case, ending or folder."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable

from humotion.datasets.shared.tree import Tree
from humotion.video.listing import printable


class Hints:
    """Finds the file of a tree that a wrong path means. Built once per dataset, when the first path is missing."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._indices: list[tuple[Callable[[str], str], dict[str, list[str]]]] = []

    def missing(self, path: str, named_in: str) -> dict[str, str]:
        """The status and error of a video that ``named_in`` names, but that is not on disk."""
        if reason := self._tree.why_hidden(path):
            return {"status": "corrupt", "error": reason}
        meant = self.meant(path)
        hint = f"; did you mean {printable(meant)}?" if meant else ""
        return {"status": "missing", "error": f"named in {named_in}, but not on disk{hint}"}

    def meant(self, path: str) -> str | None:
        """The only file (or folder) that differs from ``path`` in spelling, else in ending, else in its folder."""
        if not self._indices:
            everything = [*self._tree.files, *self._tree.folders]
            keys: tuple[Callable[[str], str], ...] = (_folded, _without_ending, _name, _stem)
            for key in keys:
                index: dict[str, list[str]] = defaultdict(list)
                for found in everything:
                    index[key(found)].append(found)
                self._indices.append((key, index))
        for key, known in self._indices:
            candidates = known.get(key(path), [])
            if len(candidates) == 1:
                return candidates[0]
        return None


def _folded(path: str) -> str:
    """The path with slashes, in one form of Unicode, without regard to case, drive letter and blanks."""
    path = path.replace("\\", "/")
    path = path[2:] if path[1:2] == ":" else path
    return unicodedata.normalize("NFC", path).casefold().strip("/ ").replace(" ", "_")


def _without_ending(path: str) -> str:
    return os.path.splitext(_folded(path))[0]  # noqa: PTH122 (of many names)


def _name(path: str) -> str:
    return _folded(path).rpartition("/")[2]


def _stem(path: str) -> str:
    return _without_ending(path).rpartition("/")[2]

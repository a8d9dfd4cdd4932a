"""The one walk through a dataset's root: every layout takes its files from it.

It sees what DVC sees. DVC follows links to files, but not links to folders: what is behind such a link has no part in
the hash of the dataset, so a change there would make no stage stale. That is why a link to a folder is an error here.
A `.dvcignore` file, or a DVC repository below the root, takes files out of the hash too. That is said.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from humotion.errors import HumotionError
from humotion.video.listing import failure, is_system_entry, printable

_IGNORES, _REPOSITORY = ".dvcignore", ".dvc"
_HARMLESS = frozenset({"__pycache__", "*.egg-info", ".*.tmp"})
"""Lines of this project's own .dvcignore: no dataset has such files."""


@dataclass(frozen=True)
class Tree:
    """What is below a root, as paths with slashes below it.

    ``files`` are sorted; links to files are among them, also broken ones. ``unlisted`` are those of the ``folders``
    whose content the system does not show, with the reason. ``system`` counts the hidden and system entries by name;
    they are not in ``files``, and nothing below them is. ``ignored_by`` are the places that take files out
    of DVC's hash.
    """

    root: Path
    files: tuple[str, ...] = ()
    folders: frozenset[str] = frozenset()
    unlisted: dict[str, str] = field(default_factory=dict)
    system: Counter[str] = field(default_factory=Counter)
    ignored_by: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """Sentences for the user about files that DVC does not see."""
        return [
            f"{place} takes files out of what DVC tracks, but they are read here: a change in them makes no stage "
            "stale. Remove it, or take these files out of the dataset"
            for place in self.ignored_by
        ]

    def below(self, folder: str) -> list[str]:
        """The files below a folder, at any depth."""
        return [path for path in self.files if path.startswith(f"{folder}/")]

    def children(self, folder: str = "") -> list[str]:
        """The names of the folders directly in a folder, sorted."""
        start = f"{folder}/" if folder else ""
        inside = (path[len(start) :] for path in self.folders if path.startswith(start))
        return sorted(name for name in inside if "/" not in name)

    def why_hidden(self, path: str) -> str | None:
        """Why the system does not show a path, if it lies in a folder that cannot be listed."""
        for folder, reason in self.unlisted.items():
            if path == folder or path.startswith(f"{folder}/"):
                return f"the folder {printable(folder)} cannot be listed: {reason}"
        return None


def read_tree(root: Path) -> Tree:
    """Walk through the root of a dataset.

    Raises:
        HumotionError: the root cannot be listed, or there is a link to a folder below it.
    """
    files: list[str] = []
    folders: list[str] = []
    unlisted: dict[str, str] = {}
    system: Counter[str] = Counter()
    linked: list[str] = []
    ignoring: list[str] = []
    todo = [""]
    while todo:
        start = todo.pop()
        try:
            with os.scandir(root / start) as entries:
                found = list(entries)
        except OSError as error:
            if not start:
                raise HumotionError(f"The dataset's root {root} cannot be listed: {failure(error)}.") from error
            unlisted[start] = failure(error)
            continue
        for entry in found:
            path = f"{start}/{entry.name}" if start else entry.name
            if is_system_entry(entry.name):
                ignoring += [path] if entry.name in (_IGNORES, _REPOSITORY) else []
                system["._*" if entry.name.startswith("._") else printable(entry.name)] += 1
            elif entry.is_dir(follow_symlinks=False):
                folders.append(path)
                todo.append(path)
            elif entry.is_symlink() and os.path.isdir(entry.path):  # noqa: PTH112 (unlike Path.is_dir, it never raises)
                linked.append(path)
            else:
                files.append(path)
    _refuse_linked(root, linked)
    ignored_by = _ignored_by(root, sorted(ignoring))
    return Tree(root, tuple(sorted(files)), frozenset(folders), dict(sorted(unlisted.items())), system, ignored_by)


def _ignored_by(root: Path, below: Iterable[str]) -> tuple[str, ...]:
    """What takes files of a dataset out of DVC's hash, in the root (``below``) and above; none outside a repository."""
    above = list(root.absolute().parents)
    end = next((place for place, parent in enumerate(above) if (parent / _REPOSITORY).is_dir()), None)
    if end is None:
        return ()
    higher = [parent / _IGNORES for parent in above[: end + 1]]
    places = [*(path for path in higher if _has_own_rule(path)), *(root / path for path in below)]
    return tuple(printable(str(place)) for place in places if place.name == _REPOSITORY or _has_own_rule(place))


def _has_own_rule(path: Path) -> bool:
    """Whether a .dvcignore has a rule that may concern a dataset."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # there is none, or DVC cannot read it either
        return False
    return any(line.strip() and not line.startswith("#") and line.strip() not in _HARMLESS for line in lines)


def refuse_linked_parents(root: Path, paths: Iterable[str]) -> None:
    """Raise HumotionError if a path below the root leads through a link to a folder, also through a hidden one."""
    parents = {parent for path in paths for parent in _parents(path)}
    _refuse_linked(root, [path for path in parents if os.path.islink(root / path) and os.path.isdir(root / path)])  # noqa: PTH114, PTH112


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _refuse_linked(root: Path, linked: list[str]) -> None:
    if not linked:
        return
    first = min(linked)
    place = printable(f"{root / first}")
    target = printable(os.path.realpath(root / first))
    more = f" (and {len(linked) - 1} more)" if linked[1:] else ""
    raise HumotionError(
        f"{place} is a link to the folder {target}{more}. DVC does not look behind links to folders: it would not "
        "notice that a video there changes, and would take results of other videos from its cache. Do one of these: "
        "set datasets.<name>.root to the real folder (the root itself may be a link); replace the link by a folder of "
        f"links to files, which DVC does follow (rm '{place}' && cp -rs '{target}' '{place}'); mount the folder there "
        "(mount --bind); copy it; or take the link out of the root."
    )

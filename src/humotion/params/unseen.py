"""Settings whose changes DVC does not see: their names are those of facts about files in dvc.lock.

DVC leaves ``size`` and ``nfiles`` out, at any depth, when it looks for an earlier run with the same inputs
(treeverse/dvc, issue 10296). After a change of such a setting, `dvc repro` would check out the outputs of the earlier
value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

UNSEEN = ("size", "nfiles")
SEEN = ("experiments", "augment", "size")
"""Section, and keys below an entry of it: dvc.yaml repeats this setting in the commands of the stages that read it."""
_NOT_TRACKED = ("machine",)
WHY = "DVC overlooks changes of settings with the names size and nfiles, and would reuse the outputs of another value."


def unseen_settings(raw: Any) -> list[str]:
    """One line per setting of params.yaml that has such a name: where it is, and what to do."""
    if not isinstance(raw, dict):
        return []
    tracked = {section: content for section, content in raw.items() if section not in _NOT_TRACKED}
    return [f"{'.'.join(keys)}: {_advice(keys)}" for keys in _find(tracked, ())]


def _find(here: Any, keys: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    entries = here.items() if isinstance(here, dict) else enumerate(here) if isinstance(here, list | tuple) else ()
    for key, value in entries:
        path = (*keys, str(key))
        is_name = len(path) == 2  # of a dataset or an experiment: dvc.lock has it as a part of a longer key
        if key in UNSEEN and not is_name and (path[0], *path[2:]) != SEEN:
            yield path
        yield from _find(value, path)


def _advice(keys: tuple[str, ...]) -> str:
    if "policy" in keys:
        return "remove it; a transform without it uses augment.size"
    return "it needs another name"

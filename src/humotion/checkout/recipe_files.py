"""Recipe files, and the two keys that only recipes have: ``like`` and ``without``.

An entry of a recipe may be ``like`` another entry of its section: one in the same file (``like: lstm_pm``), or in
another recipe (``like: jhmdb_small/lstm_pm``). It then has only the differences. A map is merged into that of the other
entry, any other value replaces it, and ``without: [augment.geometry, ...]`` removes values of the other entry. Reading
a recipe resolves both keys, so they never appear in params.yaml.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from humotion.errors import HumotionError

LIKE, WITHOUT = "like", "without"
SECTIONS = ("datasets", "layers", "experiments", "fusions", "rebalance")


def plain_yaml() -> YAML:
    """A parser that reads and writes YAML in the style of params.yaml, which is that of DVC, with its comments."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    return yaml


def plain_lists(value: Any) -> Any:
    """The value with its lists in the style that DVC writes: one item per line, with no comments inside."""
    if isinstance(value, CommentedSeq):
        return [_plain(item) for item in value]
    if isinstance(value, CommentedMap):
        for key, item in value.items():
            value[key] = plain_lists(item)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def read_recipe(name: str, folder: Path) -> CommentedMap:
    """The recipe ``NAME.yaml`` in ``folder``, with every entry complete; comments stay with their values.

    Raises:
        HumotionError: there is no such file, it is not YAML, or an entry is like a missing entry or like itself.
    """
    recipe = _read_file(name, folder)
    for section, entries in recipe.items():
        for entry in entries:
            entries[entry] = _in_full(name, section, entry, folder, ())
    return recipe


def _read_file(name: str, folder: Path) -> CommentedMap:
    path = folder / f"{name}.yaml"
    if path not in folder.glob("*.yaml"):
        raise HumotionError(f"There is no recipe {name!r} in {folder}.")
    try:
        recipe = plain_yaml().load(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise HumotionError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(recipe, CommentedMap) or not all(isinstance(entries, dict) for entries in recipe.values()):
        raise HumotionError(f"{path} is not a recipe: it needs sections such as `datasets:` and `experiments:`.")
    if foreign := [section for section in recipe if section not in SECTIONS]:
        raise HumotionError(
            f"{path} has the section `{foreign[0]}`, which a recipe cannot set: it has {', '.join(SECTIONS)}. "
            "Put it into params.yaml itself."
        )
    return recipe


def _in_full(name: str, section: str, entry: str, folder: Path, before: tuple[str, ...]) -> Any:
    """An entry of a recipe with its ``like`` resolved; ``before`` are the entries that led to it."""
    here = f"{name}/{entry}"
    if here in before:
        raise HumotionError(f"Recipes refer to each other in a circle: {' is like '.join((*before, here))}.")
    entries = _read_file(name, folder).get(section, {})
    if entry not in entries:
        known = ", ".join(entries) or "none"
        raise HumotionError(f"recipes/{name}.yaml has no {entry!r} in `{section}`. It has {known}.")
    own = entries[entry]
    if not isinstance(own, CommentedMap) or LIKE not in own:
        return own
    other, _, other_entry = str(own.pop(LIKE)).rpartition("/")
    full = copy.deepcopy(_in_full(other or name, section, other_entry, folder, (*before, here)))
    for path in own.pop(WITHOUT, ()):
        if not _leave_out(full, path.split(".")):
            raise HumotionError(
                f"recipes/{name}.yaml: {entry} is without {path}, but {other_entry} does not have {path}."
            )
    _merge(full, own)
    return full


def _leave_out(values: Any, path: Iterable[str]) -> bool:
    """Remove a value from nested maps; False if it is not there."""
    *parents, last = path
    for key in parents:
        values = values.get(key) if isinstance(values, dict) else None
    if not isinstance(values, dict) or last not in values:
        return False
    del values[last]
    return True


def _merge(values: CommentedMap, changes: CommentedMap) -> None:
    """Put changes into a map, in place; the old comment of a replaced value is removed."""
    for key, value in changes.items():
        if isinstance(value, CommentedMap) and isinstance(values.get(key), CommentedMap):
            _merge(values[key], value)
            continue
        values[key] = value
        values.ca.items.pop(key, None)
        if key in changes.ca.items:
            values.ca.items[key] = changes.ca.items[key]

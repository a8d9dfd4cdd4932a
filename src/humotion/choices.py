"""The choices in params.yaml: which names there are, and how to load the code of one.

Each choice is a file or folder of that name, so no table lists the choices. An experiment depends only on the code that
it chose (dvc.yaml names that code by the same word). A new dataset layout, input, task or model family makes no other
experiment stale.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, TypeVar

from humotion.errors import HumotionError

Base = TypeVar("Base")
_PACKAGE = Path(__file__).parent


class Room(NamedTuple):
    """A folder of choices: what kind of thing a choice is, and the pattern that its file matches."""

    kind: str
    pattern: str


ROOMS = {
    "datasets": Room("dataset layout", "*.py"),
    "inputs": Room("input", "*.py"),
    "tasks": Room("task", "*/face.py"),
    "models": Room("model family", "*/official.py"),
    "annotation": Room("annotation tool", "*/tool.py"),
}


def names(room: str) -> list[str]:
    """The names to choose from, sorted: the files or folders in a room of `ROOMS`."""
    pattern = ROOMS[room].pattern
    found = (
        path.relative_to(_PACKAGE / room).parts[0].removesuffix(".py") for path in _PACKAGE.glob(f"{room}/{pattern}")
    )
    return sorted(name for name in found if not name.startswith("_"))


def load(room: str, name: str, part: str = "") -> ModuleType:
    """The module of a choice. If the choice is a folder, ``part`` names a module in it (``evaluation.protocol``).

    Raises:
        HumotionError: no choice has that name; the message lists the available names.
    """
    if name not in names(room):
        raise HumotionError(unknown(room, name))
    return import_module(".".join(filter(None, ("humotion", room, name, part))))


def unknown(room: str, name: str) -> str:
    """The error message for a name that no file or folder of a room has."""
    listed = ", ".join(names(room)) or "none"
    return f"There is no {ROOMS[room].kind} {name!r}. Available: {listed} (in src/humotion/{room}/)."


def only_class(module: ModuleType, base: type[Base]) -> type[Base]:
    """The one subclass of ``base`` that a module defines, for example the `Layout` in a dataset's file.

    Raises:
        HumotionError: the module defines none or several.
    """
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        listed = ", ".join(cls.__name__ for cls in found) or "none"
        raise HumotionError(f"{module.__name__} must define one subclass of {base.__name__}; it defines {listed}.")
    return found[0]

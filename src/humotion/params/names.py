"""The names of datasets and experiments, which become folders, stages of DVC, words of commands and names in MLflow.

All of these must take the name. DVC reads a dot as a step into a map and ``@`` as the end of a stage's name, and puts
the name into a shell command without quotes. MLflow refuses ``:`` and ``/`` in names of models. `humotion compare`
reads ``+`` and ``/`` itself.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

ALLOWED = "Names have letters, digits, _ and -, and do not start with -"
LONGEST = 100  # bytes: outputs add to a name, and a file system takes 255
SWEEP_COMMANDS = ("apply", "run")


def valid_name(value: Any) -> str:
    """Return a name that every tool takes.

    Raises:
        ValueError: a tool would refuse the name, or read it as something else.
    """
    if not isinstance(value, str):
        raise ValueError(f"YAML reads the name {value} as {type(value).__name__}, not as text. Put it in quotes")
    if not value:
        raise ValueError(f"the name is empty. {ALLOWED}")
    if wrong := [character for character in value if not (character.isalnum() or character in "_-")]:
        listed = " ".join(dict.fromkeys(repr(character) for character in wrong))
        raise ValueError(f"the name {value!r} contains {listed}. {ALLOWED}")
    if value.startswith("-"):
        raise ValueError(f"the name {value!r} starts with -, which commands read as an option. {ALLOWED}")
    if (length := len(value.encode())) > LONGEST:
        raise ValueError(f"the name {value[:20]!r}... has {length} bytes; at most {LONGEST} are allowed")
    return value


Name = Annotated[str, BeforeValidator(valid_name)]
"""A key below ``datasets`` or ``experiments``."""


def settable(name: str) -> bool:
    """Return whether ``dvc exp run -S`` can set a value below this name: its grammar has only English letters."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*|0|[1-9][0-9]*", name) is not None

"""What dvc.lock records of a stage: its inputs and outputs with their md5s, and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

LOCK = Path("dvc.lock")


def entry_of(text: str, *stages: str) -> dict[str, Any]:
    """Return the entry of the first of these stages that the text of a dvc.lock has; empty if it has none of them."""
    known: dict[str, dict[str, Any]] = (YAML(typ="safe").load(text) or {}).get("stages", {})
    return next((known[stage] for stage in stages if known.get(stage)), {})


def entry_here(*stages: str) -> dict[str, Any]:
    """Return the same of the dvc.lock of the working folder; empty if there is no such file."""
    return entry_of(LOCK.read_text(encoding="utf-8"), *stages) if LOCK.exists() else {}


def md5_in(entry: Mapping[str, Any], part: str, path: Path) -> str | None:
    """Return the md5 of a path among the ``deps`` or ``outs`` of an entry; None if it is not there."""
    return next((file.get("md5") for file in entry.get(part, []) if file.get("path") == path.as_posix()), None)

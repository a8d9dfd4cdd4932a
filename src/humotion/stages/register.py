"""Stage register: create a version in the MLflow registry with its model card, and decide if it becomes champion.

`humotion.registration.rule` decides, on validation clips only. The card also shows test scores.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from humotion.files import read_json, write_json
from humotion.params.document import Params
from humotion.registration.enter import Entry, enter


def run(name: str, params: Params, again: bool = False) -> None:
    """Register ``models/<name>/`` and write ``registered/<name>.json``; the same run and weights give one version only.

    The file is written for the store in which the model was registered first, and DVC carries it to others. Called
    again by hand, this changes the file only if the model or its alias changed.

    Args:
        name: the experiment.
        params: all of params.yaml.
        again: let a demoted version compete again.

    Raises:
        HumotionError: there is no such experiment, or no trained model, or its training diverged.
    """
    entry = enter(name, params, again)
    path = Path("registered") / f"{name}.json"
    if not (path.exists() and _says_the_same(read_json(path), entry)):
        write_json(path, entry.as_dict())
    print(entry)


def _says_the_same(written: dict[str, Any], entry: Entry) -> bool:
    """Whether a file is of the same training with the same alias; versions are numbered differently in each store."""
    return all(written.get(key) == value for key, value in vars(entry).items() if key not in ("version", "reason"))

"""What to do if the files of this checkout name models that the store in use does not have."""

from __future__ import annotations

import json

from humotion.work import main_checkout


def registered_here(model: str | None = None) -> list[str]:
    """Experiments of this checkout whose files say that they are registered (as ``model``, if that is given)."""
    found = []
    for path in sorted((main_checkout() / "registered").glob("*.json")):
        try:
            name = json.loads(path.read_text(encoding="utf-8")).get("model")
        except (OSError, ValueError, AttributeError):
            continue
        if model is None or name == model:
            found.append(path.stem)
    return found


def how_to_join(model: str | None = None) -> str:
    """A sentence on how the store gets the models of this checkout, or how there will be some."""
    if names := registered_here(model):
        return (
            f"This checkout has the files of {', '.join(names)}, made with another store: `humotion join` enters them "
            "in this one."
        )
    if any((main_checkout() / "models").glob("*/model.json")):
        return "`humotion join` enters the models of this checkout in the store."
    return "`dvc repro` trains models and registers them; `dvc pull` and `humotion join` get those of a colleague."

"""Models by name: the entries of every family, and a fresh model of one.

Importing this module imports no torch: a model's file is loaded when it is built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from humotion import choices
from humotion.errors import HumotionError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ModelEntry:
    """A model of a family, whose ``official.py`` lists it. The model's file has its name: ``vit/ls_vit.py``.

    Attributes:
        class_name: of the model, in the file of its name.
        from_data: arguments of the class that an experiment's clips decide, and no setting of params.yaml.
        official: arguments of the class besides its defaults, by the official configuration's name.
    """

    class_name: str
    from_data: tuple[str, ...]
    official: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"official": {}})


def every_entry() -> Iterator[tuple[str, str, ModelEntry]]:
    """Family, name and entry of every model there is."""
    for family in choices.names("models"):
        for name, entry in choices.load("models", family, "official").MODELS.items():
            yield family, name, entry


def model_entry(family: str, name: str) -> ModelEntry:
    """The entry of a model.

    Raises:
        HumotionError: there is no such family, or no such model in it; the message lists those there are.
    """
    entries: dict[str, ModelEntry] = choices.load("models", family, "official").MODELS
    if name not in entries:
        raise HumotionError(f"The model family {family!r} has no model {name!r}. It has {', '.join(sorted(entries))}.")
    return entries[name]


def build_model(family: str, name: str, **sizes: Any) -> nn.Module:
    """Build a freshly initialised model: ``name`` of a ``family``, with the keyword arguments of its class.

    Raises:
        HumotionError: there is no such family or model.
    """
    entry = model_entry(family, name)
    return getattr(choices.load("models", family, name), entry.class_name)(**sizes)

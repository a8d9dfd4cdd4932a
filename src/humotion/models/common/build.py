"""Build a model by its name, and list the models of every family.

Importing this module does not import torch. A model's file is imported when the model is built.
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
    """One model of a family. The family's ``official.py`` lists it, and its file has its name (``vit/ls_vit.py``).

    Attributes:
        class_name: the model's class in that file.
        from_data: arguments of the class that come from an experiment's clips, not from params.yaml.
        official: by the name of each official configuration, the arguments that differ from the class's defaults.
    """

    class_name: str
    from_data: tuple[str, ...]
    official: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"official": {}})


def every_entry() -> Iterator[tuple[str, str, ModelEntry]]:
    """Yield the family, name and entry of every model."""
    for family in choices.names("models"):
        for name, entry in choices.load("models", family, "official").MODELS.items():
            yield family, name, entry


def model_entry(family: str, name: str) -> ModelEntry:
    """Return the entry of a model.

    Raises:
        HumotionError: the family or the model does not exist; the message lists the available ones.
    """
    entries: dict[str, ModelEntry] = choices.load("models", family, "official").MODELS
    if name not in entries:
        raise HumotionError(f"The model family {family!r} has no model {name!r}. It has {', '.join(sorted(entries))}.")
    return entries[name]


def build_model(family: str, name: str, **sizes: Any) -> nn.Module:
    """Build a newly initialised model ``name`` of a ``family``, with the keyword arguments of its class.

    Raises:
        HumotionError: the family or the model does not exist.
    """
    entry = model_entry(family, name)
    return getattr(choices.load("models", family, name), entry.class_name)(**sizes)

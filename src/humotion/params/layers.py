"""The sections of all annotation tools. A tool is found by its name, so that a new one changes no line here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from importlib import import_module
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from humotion import choices
from humotion.errors import HumotionError
from humotion.params.layer import LayerParams


def _of_all_tools() -> Any:
    """A union with the class of each tool; ``tool`` decides which one a section is."""
    modules = [import_module(f"humotion.params.annotation.{tool}") for tool in choices.names("annotation")]
    kinds = [choices.only_class(module, LayerParams) for module in modules]
    if len(kinds) == 1:
        return kinds[0]
    return Annotated[reduce(or_, kinds), Field(discriminator="tool")]


if TYPE_CHECKING:
    AnyLayer = LayerParams
else:
    AnyLayer = _of_all_tools()


def layer_section(tool: str, settings: Mapping[str, Any], dataset: str = "") -> LayerParams:
    """Return the section of a layer from what `LayerParams.settings` gave, for example of a model folder.

    Raises:
        HumotionError: there is no such tool, or it has no such settings.
    """
    try:
        return TypeAdapter(AnyLayer).validate_python({"dataset": dataset, "tool": tool, **settings})
    except ValidationError as error:
        raise HumotionError(
            f"The tool {tool!r} of this humotion does not know the settings {dict(settings)}: {error}. Use the version "
            "of humotion that trained the model."
        ) from None

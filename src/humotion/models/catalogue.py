"""Build every model in its official configurations without memory, and count it (`humotion models`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch

from humotion import choices
from humotion.figures.tables import text_table
from humotion.models.common.build import build_model, every_entry
from humotion.models.common.counting import Shapes

_NOTE = "GMACs: 1e9 multiplications of convolutions, linear layers, matrix products and attention, per person or clip."


@dataclass(frozen=True)
class Counted:
    """A model in one configuration.

    Attributes:
        family: the model's family.
        model: the model's name.
        configuration: the official configuration's name.
        parameters: the number of parameters.
        inputs: shape of each input, by name.
        outputs: shape of each output, by name.
        gmacs: GMACs for one person or clip, by part of the run.
    """

    family: str
    model: str
    configuration: str
    parameters: int
    inputs: Shapes
    outputs: Shapes
    gmacs: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def count_models() -> Iterator[Counted]:
    """Count every model of every family, in each of its configurations."""
    for family, name, entry in every_entry():
        for configuration, arguments in entry.official.items():
            with torch.device("meta"), torch.no_grad():
                model = build_model(family, name, **arguments).eval()
                run = choices.load("models", family, "official").count(model)
            parameters = sum(parameter.numel() for parameter in model.parameters())
            yield Counted(family, name, configuration, parameters, *run)


def describe(counted: list[Counted]) -> str:
    """Return a readable table, with a note below it on what is counted."""
    rows = [
        (
            entry.family,
            entry.model,
            entry.configuration,
            f"{entry.parameters:,}",
            ", ".join(f"{_short(value)} {of}" for of, value in entry.gmacs.items()),
            _shapes(entry.inputs),
            _shapes(entry.outputs),
        )
        for entry in counted
    ]
    header = ("family", "model", "configuration", "parameters", "GMACs", "input", "output")
    return "\n".join([text_table(header, rows, right=[header.index("parameters")]), "", _NOTE])


def _short(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _shapes(shapes: Shapes) -> str:
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items())

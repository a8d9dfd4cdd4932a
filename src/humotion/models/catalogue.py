"""What every model is in its official configurations: built without memory, and counted (`humotion models`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch

from humotion import choices
from humotion.figures.tables import text_table
from humotion.models.common.build import build_model, every_entry
from humotion.models.common.counting import Shapes

_NOTE = "GMACs: 1e9 multiplications of convolutions, linear layers, matrix products and attention; one person or clip."


@dataclass(frozen=True)
class Counted:
    """A model in one configuration.

    Attributes:
        family: of the model.
        model: its name.
        configuration: the official configuration's name.
        parameters: their number.
        inputs: shape of each input, by name.
        outputs: shape of each output, by name.
        gmacs: of one person or clip, by what is computed.
    """

    family: str
    model: str
    configuration: str
    parameters: int
    inputs: Shapes
    outputs: Shapes
    gmacs: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def count_models() -> Iterator[Counted]:
    """Every model of every family, in each of its configurations."""
    for family, name, entry in every_entry():
        for configuration, arguments in entry.official.items():
            with torch.device("meta"), torch.no_grad():
                model = build_model(family, name, **arguments).eval()
                run = choices.load("models", family, "official").count(model)
            parameters = sum(parameter.numel() for parameter in model.parameters())
            yield Counted(family, name, configuration, parameters, *run)


def describe(counted: list[Counted]) -> str:
    """The table for people, and below it what is counted."""
    rows = [
        (
            entry.family,
            entry.model,
            entry.configuration,
            f"{entry.parameters:,}",
            ", ".join(f"{value:.2f} {of}" for of, value in entry.gmacs.items()),
            _shapes(entry.inputs),
            _shapes(entry.outputs),
        )
        for entry in counted
    ]
    header = ("family", "model", "configuration", "parameters", "GMACs", "input", "output")
    return "\n".join([text_table(header, rows, right=[header.index("parameters")]), "", _NOTE])


def _shapes(shapes: Shapes) -> str:
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items())

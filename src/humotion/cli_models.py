"""`humotion models`."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def models(
    as_json: Annotated[bool, typer.Option("--json", help="For programs: a list of models.")] = False,
) -> None:
    """List the models that can be trained: parameters, GMACs and shapes at their official sizes."""
    from humotion.models.catalogue import count_models, describe

    counted = list(count_models())
    typer.echo(json.dumps([entry.as_dict() for entry in counted], indent=2) if as_json else describe(counted))

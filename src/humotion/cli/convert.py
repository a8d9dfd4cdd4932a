"""`humotion convert lstm-pm FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="convert", no_args_is_help=True, help="Read published weights of other programs into models of this one."
)


@app.callback()
def convert() -> None:
    """Read published weights of other programs into models of this one."""


@app.command("lstm-pm")
def lstm_pm(
    file: Annotated[Path, typer.Argument(help="The .caffemodel that the authors of LSTM Pose Machines publish.")],
    skeleton: Annotated[str, typer.Option(help="Whose joints it is to predict: penn_action or jhmdb.")] = "penn_action",
    out: Annotated[Path | None, typer.Option(help="A new folder. Default: models/official_SKELETON.")] = None,
    size: Annotated[int, typer.Option(help="Side of the crops in pixels, a multiple of 8; 368 as published.")] = 368,
) -> None:
    """Write the official LSTM Pose Machine as a model folder, refusing a file that differs in any layer.

    The folder is for `humotion predict --model`, and as `model.weights` for training on from it.
    """
    from humotion.convert.model_folder import convert_lstm_pm

    typer.echo(convert_lstm_pm(file, skeleton, out, size))

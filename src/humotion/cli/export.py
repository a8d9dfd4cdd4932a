"""`humotion export MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def export(
    model: Annotated[str, typer.Argument(help="A model folder, or an MLflow model (models:/ls_vit-hmdb51@champion).")],
    to: Annotated[
        str,
        typer.Option(
            help="onnx (needs the extra `export`), torch-export, or aoti (compiled for this CPU; needs a C++ compiler)."
        ),
    ] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(help="The new folder.", show_default="exported/MODEL-FORMAT"),
    ] = None,
) -> None:
    """Write a trained model as a file that runs without humotion, and a JSON that says how to use it.

    The file is run and compared with the model: on test clips of its dataset if they are here, or else on random
    inputs. If it differs, nothing is written. docs/exported.md has a program that uses such a folder.
    """
    from humotion.export.export_model import export_model
    from humotion.prediction.models import model_folders

    (folder,) = model_folders([model])
    typer.echo(export_model(folder, to, out))

"""Commands about trained models and models that can be trained: predict, compare, models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def models(
    as_json: Annotated[bool, typer.Option("--json", help="For programs: a list of models.")] = False,
) -> None:
    """List the models that can be trained: parameters, GMACs and shapes at their official sizes."""
    from humotion.models.catalogue import count_models, describe

    counted = list(count_models())
    typer.echo(json.dumps([entry.as_dict() for entry in counted], indent=2) if as_json else describe(counted))


@app.command()
def predict(
    video: Annotated[Path, typer.Argument(help="A video file.")],
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model folder, or an MLflow model (models:/ls_vit-hmdb51@champion). Repeatable."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write an annotated MP4 here.")] = None,
) -> None:
    """Say what happens in one video, and draw where the joints are."""
    from humotion.prediction.predict_video import predict_video

    predict_video(video, model or [], out)


@app.command()
def compare(
    experiments: Annotated[
        list[str],
        typer.Argument(
            help="Two or more experiments, evaluated on the same test clips. a+b+c is their mean (one a split or "
            "seed); ../other/a is of another checkout."
        ),
    ],
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables in Markdown.")] = False,
    bootstrap: Annotated[int, typer.Option(min=100, help="Resamples of the paired bootstrap.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the resampling.")] = 0,
) -> None:
    """Set trained models beside one another, and say which differences are more than chance.

    `humotion compare vit_1+vit_2+vit_3 ls_vit_1+ls_vit_2+ls_vit_3` compares means over three splits or seeds: part by
    part both must have seen the same test clips, and the bootstrap draws films of all parts together.
    """
    from humotion.comparison.compare import compare as compare_experiments

    typer.echo(compare_experiments(experiments, markdown, bootstrap, seed))

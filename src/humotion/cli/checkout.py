"""Commands about this checkout as a whole: recipe, params, summary, doctor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from humotion.params.document import load_params

app = typer.Typer()


@app.command()
def recipe(
    name: Annotated[str | None, typer.Argument(help="A recipe; `--list` shows them.")] = None,
    root: Annotated[Path | None, typer.Option(help="Where the dataset lies; read in place, never copied.")] = None,
    into: Annotated[Path | None, typer.Option(help="Do it in a fresh clone there; this one stays as is.")] = None,
    list_recipes: Annotated[bool, typer.Option("--list", help="List the recipes.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print its settings in full; change nothing.")] = False,
) -> None:
    """Merge ready-made settings for a dataset into params.yaml; comments are kept."""
    from humotion.checkout.recipes import apply_recipe, describe_recipes, show_recipe

    if list_recipes or name is None:
        typer.echo(describe_recipes())
    elif show:
        typer.echo(show_recipe(name))
    else:
        typer.echo(apply_recipe(name, root=root, into=into))


@app.command()
def params() -> None:
    """Check params.yaml, and list its experiments: what each trains on what."""
    from humotion.figures.tables import text_table

    experiments = load_params().experiments
    header = ("experiment", "task", "dataset", "input", "model")
    rows = [
        (name, chosen.task, chosen.dataset, chosen.input, f"{chosen.model.family}/{chosen.model.name}")
        for name, chosen in experiments.items()
    ]
    typer.echo(text_table(header, rows))


@app.command()
def summary() -> None:
    """Show what was trained: figures beside baselines, where the plots are, how to open the UI."""
    from humotion.checkout.summary import summarise

    typer.echo(summarise(load_params()))


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For programs: a list of findings.")] = False,
) -> None:
    """Check this machine and checkout, and say what to do about what is not well."""
    from humotion.checkout.doctor import describe, examine

    findings = examine()
    typer.echo(json.dumps([vars(finding) for finding in findings], indent=2) if as_json else describe(findings))
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(1)

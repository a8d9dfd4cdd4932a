"""Commands about this checkout: recipe, params, summary, tidy, doctor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from humotion.params.document import load_params
from humotion.params.names import settable

app = typer.Typer()


@app.command()
def recipe(
    name: Annotated[str | None, typer.Argument(help="A recipe. `--list` shows all of them.")] = None,
    root: Annotated[
        Path | None, typer.Option(help="The folder of the dataset. It is read there and never copied.")
    ] = None,
    into: Annotated[Path | None, typer.Option(help="Clone this checkout to this folder and change the clone.")] = None,
    list_recipes: Annotated[bool, typer.Option("--list", help="List the recipes.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print all settings of the recipe and change nothing.")] = False,
) -> None:
    """Merge the settings of a recipe into params.yaml, for one dataset. Comments are kept."""
    from humotion.checkout.recipes import apply_recipe, describe_recipes, show_recipe

    if list_recipes or name is None:
        typer.echo(describe_recipes())
    elif show:
        typer.echo(show_recipe(name))
    else:
        typer.echo(apply_recipe(name, root=root, into=into))


@app.command()
def params() -> None:
    """Check params.yaml and list its experiments, each with task, dataset, input and model.

    The devices of ``machine`` are checked too, the address of the MLflow store and, if it is a SQLite file, whether it
    takes the runs of the experiments; and git.
    """
    from humotion.figures.tables import text_table
    from humotion.tracking import git, local
    from humotion.tracking.address import experiment_name

    settings = load_params()
    experiments = settings.experiments
    if settings.machine.accelerator not in ("auto", "cpu"):
        from humotion.training.devices import check_devices  # slow import, which most machines do not need

        check_devices(settings.machine)
    header = ("experiment", "task", "dataset", "input", "model")
    rows: list[tuple[str, ...]] = [
        (name, chosen.task, chosen.dataset, chosen.input, f"{chosen.model.family}/{chosen.model.name}")
        for name, chosen in experiments.items()
    ]
    rows += [
        (name, chosen.task, chosen.dataset, "", " + ".join(chosen.of)) for name, chosen in settings.fusions.items()
    ]
    typer.echo(text_table(header, rows))
    git.in_repository()
    for chosen in experiments.values():
        local.check(settings.machine.tracking_uri, experiment_name(chosen.task, chosen.dataset))
    if names := [name for name in (*settings.makers, *settings.datasets) if not settable(name)]:
        typer.echo(f"Note: `dvc exp run -S` cannot set values of {', '.join(names)}: it reads only English letters.")


@app.command()
def summary() -> None:
    """Show the test scores of all experiments and their baselines, where the plots are, and how to open the UI."""
    from humotion.checkout.summary import summarise

    typer.echo(summarise(load_params()))


@app.command()
def tidy(
    yes: Annotated[bool, typer.Option("--yes", help="Delete what is listed.")] = False,
) -> None:
    """List what removed experiments and datasets left in the output folders and lock files. With --yes, delete it.

    A leftover has a name that params.yaml does not have. Other files in these folders, converted models, DVC's cache
    (`dvc gc -w`) and runs and models in MLflow stay.
    """
    from humotion.checkout.leftovers import find_leftovers, remove

    found = find_leftovers(load_params())
    if not found:
        typer.echo("Nothing is left over: every output is of a dataset or experiment in params.yaml.")
        return
    typer.echo(f"params.yaml does not have these any more:\n{found.describe()}")
    if not yes:
        typer.echo("Nothing is deleted. `humotion tidy --yes` deletes the files and removes the lock entries.")
        return
    remove(found)
    typer.echo("Deleted. `git status` shows what to commit. `dvc checkout` of an older commit brings its outputs back.")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs: a list of findings.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="First correct the addresses of files in a store that was moved.")
    ] = False,
) -> None:
    """Check this machine and this checkout, and print how to fix each problem. Exits with 1 if a check fails."""
    from humotion.checkout.doctor import describe, examine

    if repair:
        from humotion.checkout.doctor_store import repair as correct

        for line in correct():
            typer.echo(line, err=as_json)
    findings = examine()
    typer.echo(json.dumps([vars(finding) for finding in findings], indent=2) if as_json else describe(findings))
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(1)

"""`humotion registry show`, `humotion registry demote`, `humotion lineage` and `humotion join`."""

from __future__ import annotations

import json
from textwrap import indent
from typing import Annotated

import typer

from humotion.errors import HumotionError
from humotion.params.document import PARAMS_FILE, load_params

app = typer.Typer(
    name="registry",
    no_args_is_help=True,
    help="Show registered models, or replace a champion.",
)

Model = Annotated[str, typer.Argument(help="A registered model (ls_vit-hmdb51).")]
NOBODY = "none"


@app.command()
def show(
    model: Annotated[str | None, typer.Argument(help="A registered model. Default: all of them.")] = None,
) -> None:
    """List the versions of models, with alias, validation score, experiment, and the reason for the alias."""
    from humotion.figures.tables import text_table
    from humotion.tracking import registry

    uri = _tracking_uri()
    names = [model] if model else registry.names(uri)
    if not names:
        from humotion.tracking.hints import how_to_join
        from humotion.tracking.store import shown_uri

        typer.echo(f"No model is registered in {shown_uri(uri)}. {how_to_join()}")
    for name in names:
        rows = [
            _row(str(version.version), list(version.aliases), dict(version.tags))
            for version in registry.versions(name, uri)
        ]
        typer.echo(f"{name}\n{indent(text_table(None, rows, right=[0]), '  ')}")


@app.command()
def demote(
    model: Model,
    why: Annotated[str, typer.Option(help="The reason. The registry keeps it.")],
    to: Annotated[
        str | None,
        typer.Option(help="The new champion: a version, or none. Default: the champion before this one."),
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="The version to demote. If it is no longer the champion, nothing changes.")
    ] = None,
) -> None:
    """Remove the alias champion from the version that has it, and give it to the champion before.

    `humotion register` and `dvc repro` never promote a demoted version again. To promote it, use
    `humotion register EXPERIMENT --again`, or `--to` of this command.
    """
    from humotion.tracking import registry

    uri = _tracking_uri()
    registry.versions(model, uri)  # raises an error with the known models if this one does not exist
    current = registry.champion(model, uri)
    number = str(current.version) if current else None
    wanted = None if to in (None, NOBODY) else str(registry.get_version(model, str(to), uri).version)
    if wanted is not None and wanted == number:
        typer.echo(f"{model} version {wanted} is already the champion: nothing to do.")
        return
    if version is not None and str(registry.get_version(model, version, uri).version) != number:
        typer.echo(f"{model} version {version} is not the champion: nothing to do.")
        return
    if number is None:
        _without_champion(model, wanted, to, why, uri)
        return
    if to is None and (wanted := registry.champion_before(model, number, uri)) is None:
        raise HumotionError(
            f"No champion before version {number} of {model} is known. Name one with --to VERSION, or use --to none."
        )
    registry.demote(model, number, wanted, why, uri)
    typer.echo(f"{model} version {number} is demoted; " + _who_is_champion(wanted))


def lineage(
    model: Annotated[
        str,
        typer.Argument(help="models:/ls_vit-hmdb51@champion, models:/ls_vit-hmdb51/3, a run id, or a model folder."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")] = False,
) -> None:
    """Show where a model comes from (run, commit, data, dvc.lock, settings), and the commands that rebuild it."""
    from humotion.lineage.report import as_dict, describe
    from humotion.lineage.trace import trace

    found = trace(model)
    typer.echo(json.dumps(as_dict(found), indent=2, default=str) if as_json else describe(found))


def join(
    experiments: Annotated[
        list[str] | None, typer.Argument(help="Experiments. Default: all that have a folder in models/.")
    ] = None,
) -> None:
    """Enter the models of this checkout in the MLflow store in use, if that does not have them.

    After `dvc pull` in a clone of a colleague's project, or with a new or lost store: runs, scores, reports and models
    are entered from the files, and champions get their alias. It trains nothing and changes no file that DVC tracks.
    """
    from humotion.checkout.join import join as enter_all

    for line in enter_all(load_params(), experiments or ()):
        typer.echo(line)


def _without_champion(model: str, wanted: str | None, to: str | None, why: str, uri: str | None) -> None:
    from humotion.tracking import registry

    if to is None:
        raise HumotionError(f"{model} has no champion to demote. --to VERSION makes one.")
    if wanted is not None:
        registry.promote(model, wanted, why, uri)
    typer.echo(f"{model}: {_who_is_champion(wanted)}")


def _who_is_champion(successor: str | None) -> str:
    return "there is no champion now." if successor is None else f"version {successor} is the champion now."


def _row(version: str, aliases: list[str], tags: dict[str, str]) -> tuple[str, ...]:
    """A version in the list: its number, aliases, validation score, experiment, and the reason for its alias."""
    metric = tags.get("metric")
    score = f"validation {metric} {tags.get(f'validation.{metric}', 'unknown')}" if metric else "validation unknown"
    demoted = f"demoted: {tags['demoted_why']}" if "demoted_at" in tags else None
    why = demoted or (tags.get("promoted_why") if "champion" in aliases else tags.get("why")) or ""
    return version, ", ".join(aliases) or "-", score, tags.get("experiment", ""), why


def _tracking_uri() -> str | None:
    return load_params().machine.tracking_uri if PARAMS_FILE.exists() else None

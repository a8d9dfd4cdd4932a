"""`humotion track status` and `humotion track sync`."""

from __future__ import annotations

from typing import Annotated

import typer

from humotion.params.document import load_params

app = typer.Typer(
    name="track",
    no_args_is_help=True,
    help="List or send the runs that wait on disk for a remote MLflow store.",
)


@app.command()
def status() -> None:
    """List the runs on disk that a remote MLflow store does not have yet, or has only in part."""
    from humotion.tracking.outbox.sync import status as waiting

    for line in list(waiting()) or ["No run waits."]:
        typer.echo(line)


@app.command()
def sync(
    uri: Annotated[
        str | None, typer.Option(help="Send all runs to this store, not to the store that each was written for.")
    ] = None,
) -> None:
    """Send the runs that wait on disk to their MLflow store. After an interruption, run it again.

    The command sends parameters, tags, every point of every metric, files and models, and then compares them. A run
    is removed from disk only when the store has all of it.
    """
    from humotion.tracking.outbox.sync import sync as send_all

    lines = 0
    for line in send_all(load_params().machine.tracking_uri, uri):
        typer.echo(line)
        lines += 1
    if not lines:
        typer.echo("No run waits.")

"""`humotion track status` and `humotion track sync`."""

from __future__ import annotations

from typing import Annotated

import typer

from humotion.params.document import load_params

app = typer.Typer(
    name="track",
    no_args_is_help=True,
    help="Runs that wait on disk for a remote MLflow store: see them, send them.",
)


@app.command()
def status() -> None:
    """List the runs on disk that a remote MLflow store does not have yet, or not all of."""
    from humotion.tracking.outbox.sync import status as waiting

    for line in list(waiting()) or ["Nothing waits."]:
        typer.echo(line)


@app.command()
def sync(
    uri: Annotated[
        str | None, typer.Option(help="Send all of them to this store, and not to the one each was written for.")
    ] = None,
) -> None:
    """Send what waits on disk to its MLflow store; cut off, call it again.

    Parameters, tags, every point of every metric, files and models are sent and compared. A run is removed
    from disk only when all of it is there.
    """
    from humotion.tracking.outbox.sync import sync as send_all

    lines = 0
    for line in send_all(load_params().machine.tracking_uri, uri):
        typer.echo(line)
        lines += 1
    if not lines:
        typer.echo("Nothing waits.")

"""`humotion track status`, `humotion track sync` and `humotion track ui`."""

from __future__ import annotations

from typing import Annotated

import typer

from humotion.params.document import PARAMS_FILE, load_params

app = typer.Typer(
    name="track",
    no_args_is_help=True,
    help="Open the MLflow UI, or list or send the runs that wait on disk for a remote MLflow store.",
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


@app.command()
def ui(port: Annotated[int, typer.Option(help="The port on this machine.")] = 5000) -> None:
    """Open the MLflow UI of the store in use: of MLFLOW_TRACKING_URI, machine.tracking_uri, or this checkout.

    If the store is a server, the command prints its address.
    """
    import os
    import sys

    from humotion.tracking.address import database_of, shown
    from humotion.tracking.store import connect, tracking_uri

    configured = load_params().machine.tracking_uri if PARAMS_FILE.exists() else None
    uri = tracking_uri(configured)
    page = "/#/experiments?workflowType=machine_learning"
    if uri.startswith("http"):
        typer.echo(f"The server shows its runs itself: {shown(uri).rstrip('/')}{page}")
        return
    connect(configured)  # explains a store that MLflow would refuse, and corrects addresses of a moved one
    typer.echo(f"{shown(uri)} at http://127.0.0.1:{port}{page}", err=True)
    command = ["mlflow", "ui", "--backend-store-uri", uri, "--port", str(port), "--workers", "1"]
    if (database := database_of(uri)) is not None:
        command += ["--default-artifact-root", (database.parent / "mlruns").as_uri()]
    os.execv(sys.executable, [sys.executable, "-m", *command])

"""Commands that run a server: serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from humotion.cli.models import Models
from humotion.errors import HumotionError

app = typer.Typer()
LIMITS = "Limits"


@app.command()
def serve(
    model: Models = None,
    host: Annotated[str, typer.Option(help="Address at which it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: one that is free.")] = 8000,
    root: Annotated[
        Path | None,
        typer.Option(help="Folder whose videos clients may name by path.", show_default="none", rich_help_panel=LIMITS),
    ] = None,
    max_megabytes: Annotated[int, typer.Option(min=1, help="Of a file.", rich_help_panel=LIMITS)] = 500,
    max_minutes: Annotated[float, typer.Option(min=0.01, help="Of a video.", rich_help_panel=LIMITS)] = 30.0,
    max_frames: Annotated[int, typer.Option(min=1, help="Of a video.", rich_help_panel=LIMITS)] = 20_000,
    max_pixels: Annotated[int, typer.Option(min=1, help="Of a frame.", rich_help_panel=LIMITS)] = 3840 * 2160,
    max_seconds: Annotated[float, typer.Option(min=1, help="Of an upload or download.", rich_help_panel=LIMITS)] = 60.0,
    max_waiting: Annotated[int, typer.Option(min=0, help="Videos that may wait.", rich_help_panel=LIMITS)] = 16,
    max_batch: Annotated[
        int,
        typer.Option(min=1, help="Videos read at a time; clips that a model sees together.", rich_help_panel=LIMITS),
    ] = 4,
    allow_private: Annotated[
        bool,
        typer.Option(
            "--allow-private", help="Also read addresses of this machine and its networks.", rich_help_panel=LIMITS
        ),
    ] = False,
) -> None:
    """Serve trained models over HTTP. It needs the extra `serve`.

    `curl --data-binary @clip.mp4 'http://127.0.0.1:8000/predict?name=clip.mp4'` asks about a video. The answer is what
    `humotion predict --json` prints. /docs explains the endpoints, /metrics counts for Prometheus. A model is
    shown clips of several waiting videos together. The server has no password: put it behind one that has, before
    strangers can reach it.
    """
    try:
        from humotion.serving.limits import ServeLimits
        from humotion.serving.run import serve as run
    except ImportError as error:
        raise HumotionError(f"{error.name} is not installed: pip install 'humotion[serve]'.") from None
    limits = ServeLimits(
        bytes=max_megabytes * 1_000_000,
        minutes=max_minutes,
        frames=max_frames,
        pixels=max_pixels,
        waiting=max_waiting,
        batch=max_batch,
        seconds=max_seconds,
        root=root,
        private=allow_private,
    )
    run(model or [], host, port, limits)

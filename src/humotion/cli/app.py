"""The command that opens a page in the browser: app."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from humotion.cli.models import Models
from humotion.cli.serve import LIMITS
from humotion.errors import HumotionError

app = typer.Typer()


@app.command("app")
def show(
    model: Models = None,
    examples: Annotated[Path | None, typer.Option(help="Folder of clips to try.", show_default="none")] = None,
    host: Annotated[str, typer.Option(help="Address at which it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: one that is free.")] = 7860,
    max_megabytes: Annotated[int, typer.Option(min=1, help="Of a file.", rich_help_panel=LIMITS)] = 500,
    max_minutes: Annotated[float, typer.Option(min=0.01, help="Of a video.", rich_help_panel=LIMITS)] = 30.0,
    max_frames: Annotated[int, typer.Option(min=1, help="Of a video.", rich_help_panel=LIMITS)] = 20_000,
    max_pixels: Annotated[int, typer.Option(min=1, help="Of a frame.", rich_help_panel=LIMITS)] = 3840 * 2160,
    max_waiting: Annotated[int, typer.Option(min=0, help="Videos that may wait.", rich_help_panel=LIMITS)] = 16,
) -> None:
    """Show what trained models see in a clip, on a page in the browser. It needs the extra `app`.

    Upload a clip or record one with the webcam, and choose one or two models. The page shows the annotated video, the
    answer and its probabilities, what the network looks at, and files to download. It asks no other server for
    anything. It has no password: do not let strangers reach it.
    """
    try:
        import fastapi  # noqa: F401
        import gradio  # noqa: F401

        from humotion.app.run import show_page
        from humotion.serving.limits import ServeLimits
    except ImportError as error:
        raise HumotionError(f"{error.name} is not installed: pip install -e '.[app]'.") from None
    limits = ServeLimits(
        bytes=max_megabytes * 1_000_000,
        minutes=max_minutes,
        frames=max_frames,
        pixels=max_pixels,
        waiting=max_waiting,
    )
    show_page(model or [], host, port, limits, examples)

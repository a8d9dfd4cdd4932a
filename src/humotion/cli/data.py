"""Commands about videos and datasets: probe, fetch, render-sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def probe(
    videos: Annotated[list[Path], typer.Argument(help="Video files, folders of them, folders of frames.")],
    frames: Annotated[
        Path | None, typer.Option(help="Write the frames that extraction keeps here: NAME/000000.png on, native size.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Compare every frame with the ffmpeg command's.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")] = False,
) -> None:
    """Tell what the pipeline reads of videos: codec, size, frames, by whom, status. Exits with 1 if any is bad."""
    from humotion.inspection.probe_videos import probe_videos

    text, is_good = probe_videos(videos, frames, verify, as_json)
    typer.echo(text)
    if not is_good:
        raise typer.Exit(1)


@app.command(rich_help_panel="Datasets")
def fetch(
    dataset: Annotated[str, typer.Argument(help="hmdb51, penn_action or jhmdb.")],
    into: Annotated[Path | None, typer.Option(help="The dataset's folder. Default: datasets/DATASET.")] = None,
    mirror: Annotated[str | None, typer.Option(help="Where else the archives lie, under their official names.")] = None,
    keep_archives: Annotated[bool, typer.Option("--keep-archives", help="Keep them once unpacked.")] = False,
    sha256: Annotated[list[str] | None, typer.Option(help="FILE=HEX: what an archive must be. Repeatable.")] = None,
) -> None:
    """Download a public dataset and unpack it to its official layout. Cut off, it goes on where it was."""
    from humotion.fetch.dataset import fetch_dataset

    typer.echo(fetch_dataset(dataset, into, mirror, keep_archives, sha256))


@app.command("render-sample")
def render_sample_command(
    out: Annotated[Path, typer.Option(help="An empty or absent folder.")] = Path("data"),
    seed: Annotated[int, typer.Option(help="The same seed renders the same pixels.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
) -> None:
    """Render the embedded sample from motion-capture clips (needs the extra `sample`)."""
    from humotion.render.sample import render_sample

    render_sample(out, seed=seed, workers=workers)

"""Commands about videos and datasets: probe, fetch, render-sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from humotion.errors import HumotionError

app = typer.Typer()


@app.command()
def probe(
    videos: Annotated[list[Path], typer.Argument(help="Video files, folders of video files, or folders of frames.")],
    frames: Annotated[
        Path | None,
        typer.Option(
            help="Write the frames that extraction keeps to this folder: NAME/000000.png and so on, in original size."
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare every frame with the output of the ffmpeg command.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")] = False,
) -> None:
    """Show what the pipeline reads from videos: codec, size, frames, decoder, status. Exits with 1 if one is bad."""
    from humotion.inspection.probe_videos import probe_videos

    text, is_good = probe_videos(videos, frames, verify, as_json)
    typer.echo(text)
    if not is_good:
        raise typer.Exit(1)


@app.command(rich_help_panel="Datasets")
def fetch(
    dataset: Annotated[
        str,
        typer.Argument(help="hmdb51, penn_action or jhmdb; or blazepose, efficientnet-lite0: the weights of these."),
    ],
    into: Annotated[Path | None, typer.Option(help="The folder. Default: datasets/DATASET, or weights/TOOL.")] = None,
    mirror: Annotated[
        str | None, typer.Option(help="Another address (URL) that has the archives, under their official names.")
    ] = None,
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Keep the archives after they are unpacked.")
    ] = False,
    sha256: Annotated[
        list[str] | None, typer.Option(help="FILE=HEX: the SHA-256 that an archive must have. Repeatable.")
    ] = None,
) -> None:
    """Download a public dataset in its official layout, or published weights. After an interruption it resumes."""
    from humotion.fetch.dataset import fetch_dataset
    from humotion.fetch.weights import fetch_weights, published_weights

    if published_weights(dataset) is not None:
        if sha256:
            raise HumotionError("--sha256 is not for weights: their checksums are known.")
        typer.echo(fetch_weights(dataset, into, mirror, keep_archives))
        return
    typer.echo(fetch_dataset(dataset, into, mirror, keep_archives, sha256))


@app.command("render-sample")
def render_sample_command(
    out: Annotated[Path, typer.Option(help="The output folder: empty, or not there yet.")] = Path("data"),
    seed: Annotated[int, typer.Option(help="Random seed. The same seed renders the same pixels.")] = 0,
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 2,
) -> None:
    """Render the embedded sample from motion-capture clips (needs the extra `sample`)."""
    from humotion.render.sample import render_sample

    render_sample(out, seed=seed, workers=workers)

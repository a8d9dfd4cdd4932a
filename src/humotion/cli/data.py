"""Commands about videos and datasets: probe, fetch, record-landmarks, render-sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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


@app.command("record-landmarks", rich_help_panel="Datasets")
def record_landmarks(
    label: Annotated[str, typer.Argument(help="The class that the person shows, for example clapping.")],
    video: Annotated[list[Path] | None, typer.Option(help="A video file. Repeatable.")] = None,
    camera: Annotated[
        str | None, typer.Option(help="The number of a camera, 0 for the first; or the address (URL) of a stream.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder of the dataset: OUT/LABEL/NAME.txt.")] = Path("data/landmarks"),
    seconds: Annotated[float, typer.Option(min=1, help="Length of a recording from a camera. Ctrl-C ends it.")] = 20.0,
    wait: Annotated[float, typer.Option(min=0, help="Seconds before a recording from a camera starts.")] = 3.0,
    model: Annotated[str, typer.Option(help="lite, full or heavy: larger is better and slower.")] = "full",
    weights: Annotated[
        Path | None, typer.Option(help="Folder of the weights. Default: where `humotion fetch blazepose` puts them.")
    ] = None,
) -> None:
    """Record a person's 33 landmarks from a camera or videos, as tables for the layout `landmarks`.

    Record each class several times, best with several people: then `split: grouped` keeps whole recordings apart.
    """
    from humotion.annotation.blazepose.record import record_camera, record_videos
    from humotion.params.layers import layer_section

    if (camera is None) == (not video):
        raise HumotionError("Name either a --camera or one --video or more.")
    settings: Any = layer_section("blazepose", {"model": model, "weights": weights})
    for recorded in record_videos(label, video or (), out, settings):
        typer.echo(str(recorded))
    if camera is not None:
        typer.echo(str(record_camera(label, camera, out, settings, seconds, wait)))


@app.command("render-sample")
def render_sample_command(
    out: Annotated[Path, typer.Option(help="The output folder: empty, or not there yet.")] = Path("data"),
    seed: Annotated[int, typer.Option(help="Random seed. The same seed renders the same pixels.")] = 0,
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 2,
    datasets: Annotated[
        str, typer.Option(help="Datasets, separated by commas; also available: crowd, crowd_tracks.")
    ] = "hmdb51,penn_action",
) -> None:
    """Render the embedded sample from motion-capture clips (needs the extra `sample`)."""
    from humotion.render.sample import render_sample

    render_sample(out, seed=seed, workers=workers, datasets=[name.strip() for name in datasets.split(",")])

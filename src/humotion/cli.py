"""The command line: one command a stage, and the commands a person uses beside `dvc repro`.

Imports are lazy: `humotion --help` loads no deep-learning stack, and each stage only what it needs.
"""

from __future__ import annotations

import errno
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from humotion.cli_convert import app as convert_app
from humotion.cli_models import models
from humotion.cli_registry import app as registry_app
from humotion.cli_registry import lineage
from humotion.cli_sweep import app as sweep_app
from humotion.cli_track import app as track_app
from humotion.errors import HumotionError
from humotion.params import load_params

app = typer.Typer(
    name="humotion",
    help="Video of people to poses and actions. `dvc repro` runs the stages; --help of a command explains it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(sweep_app)
app.add_typer(convert_app)
app.add_typer(registry_app)
app.add_typer(track_app)
app.command()(lineage)
app.command()(models)

Dataset = Annotated[str, typer.Argument(help="A name under `datasets` in params.yaml.")]
Experiment = Annotated[str, typer.Argument(help="A name under `experiments` in params.yaml.")]
STAGES = "Stages (run by `dvc repro`)"


def _run_stage(stage: str, name: str) -> None:
    import_module(f"humotion.stages.{stage}").run(name, load_params())


@app.command(rich_help_panel=STAGES)
def index(dataset: Dataset) -> None:
    """Read a dataset's layout and official splits into prepared/DATASET/videos.parquet."""
    _run_stage("index", dataset)


@app.command(rich_help_panel=STAGES)
def extract(dataset: Dataset) -> None:
    """Decode every frame of a dataset into the frame store. Interrupted, it goes on where it stopped."""
    _run_stage("extract", dataset)


@app.command(rich_help_panel=STAGES)
def explore(dataset: Dataset) -> None:
    """Write the data report: classes, lengths, brightness, contrast, blur, colour, outliers."""
    _run_stage("explore", dataset)


@app.command(rich_help_panel=STAGES)
def sample(experiment: Experiment) -> None:
    """Choose the split, make the group-clean validation fold, and sample frame indices."""
    _run_stage("sample", experiment)


@app.command(rich_help_panel=STAGES)
def augment(experiment: Experiment) -> None:
    """Balance the classes and compile the augmentation policy, with contact sheets of its effect."""
    _run_stage("augment", experiment)


@app.command(rich_help_panel=STAGES)
def train(experiment: Experiment) -> None:
    """Train the model, tracked in MLflow. Interrupted, it goes on after the last finished epoch."""
    _run_stage("train", experiment)


@app.command(rich_help_panel=STAGES)
def evaluate(experiment: Experiment) -> None:
    """Score the model on the official test split beside its baselines, with figures and overlays."""
    _run_stage("evaluate", experiment)


@app.command(rich_help_panel=STAGES)
def rebalance(experiment: Experiment) -> None:
    """Re-train heads on the model's embeddings with the classes balanced, and compare them in one table."""
    _run_stage("rebalance", experiment)


@app.command(rich_help_panel=STAGES)
def register(
    experiment: Experiment,
    again: Annotated[bool, typer.Option("--again", help="Let a version that was demoted compete again.")] = False,
) -> None:
    """Register the model in MLflow; it becomes champion if validation clips say so."""
    from humotion.stages.register import run

    run(experiment, load_params(), again)


@app.command()
def predict(
    video: Annotated[Path, typer.Argument(help="A video file.")],
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model folder, or an MLflow model (models:/ls_vit-hmdb51@champion). Repeatable."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write an annotated MP4 here.")] = None,
) -> None:
    """Say what happens in one video, and draw where the joints are."""
    from humotion.prediction.command import predict_video

    predict_video(video, model or [], out)


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
    from humotion.inspection.command import probe_videos

    text, is_good = probe_videos(videos, frames, verify, as_json)
    typer.echo(text)
    if not is_good:
        raise typer.Exit(1)


@app.command()
def recipe(
    name: Annotated[str | None, typer.Argument(help="A recipe; `--list` shows them.")] = None,
    root: Annotated[Path | None, typer.Option(help="Where the dataset lies; read in place, never copied.")] = None,
    into: Annotated[Path | None, typer.Option(help="Do it in a fresh clone there; this one stays as is.")] = None,
    list_recipes: Annotated[bool, typer.Option("--list", help="List the recipes.")] = False,
) -> None:
    """Merge ready-made settings for a dataset into params.yaml, comments kept."""
    from humotion.recipes import apply_recipe, describe_recipes

    if list_recipes or name is None:
        typer.echo(describe_recipes())
        return
    typer.echo(apply_recipe(name, root=root, into=into))


@app.command()
def compare(
    experiments: Annotated[
        list[str],
        typer.Argument(
            help="Two or more experiments, evaluated on the same test clips. a+b+c is their mean (one a split or "
            "seed); ../other/a is of another checkout."
        ),
    ],
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables in Markdown.")] = False,
    bootstrap: Annotated[int, typer.Option(min=100, help="Resamples of the paired bootstrap.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the resampling.")] = 0,
) -> None:
    """Set trained models beside one another, and say which differences are more than chance.

    `humotion compare vit_1+vit_2+vit_3 ls_vit_1+ls_vit_2+ls_vit_3` compares means over three splits or seeds: part by
    part both must have seen the same test clips, and the bootstrap draws films of all parts together.
    """
    from humotion.comparison.command import compare as compare_experiments

    typer.echo(compare_experiments(experiments, markdown, bootstrap, seed))


@app.command()
def summary() -> None:
    """Show what was trained: figures beside baselines, where the plots are, how to open the UI."""
    from humotion.summary import summarise

    typer.echo(summarise(load_params()))


@app.command(rich_help_panel="Datasets")
def fetch(
    dataset: Annotated[str, typer.Argument(help="hmdb51, penn_action or jhmdb.")],
    into: Annotated[Path | None, typer.Option(help="The dataset's folder. Default: datasets/DATASET.")] = None,
    mirror: Annotated[str | None, typer.Option(help="Where else the archives lie, under their official names.")] = None,
    keep_archives: Annotated[bool, typer.Option("--keep-archives", help="Keep them once unpacked.")] = False,
    sha256: Annotated[list[str] | None, typer.Option(help="FILE=HEX: what an archive must be. Repeatable.")] = None,
) -> None:
    """Download a public dataset and unpack it to its official layout. Cut off, it goes on where it was."""
    from humotion.fetch.command import fetch_dataset

    typer.echo(fetch_dataset(dataset, into, mirror, keep_archives, sha256))


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For programs: a list of findings.")] = False,
) -> None:
    """Check this machine and checkout, and say what to do about what is not well."""
    from humotion.doctor import describe, examine

    findings = examine()
    typer.echo(json.dumps([vars(finding) for finding in findings], indent=2) if as_json else describe(findings))
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(1)


@app.command("render-sample")
def render_sample_command(
    out: Annotated[Path, typer.Option(help="An empty or absent folder.")] = Path("data"),
    seed: Annotated[int, typer.Option(help="The same seed renders the same pixels.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
) -> None:
    """Render the embedded sample from motion-capture clips (needs the extra `sample`)."""
    from humotion.render import render_sample

    render_sample(out, seed=seed, workers=workers)


def main() -> None:
    """Entry point: a HumotionError is printed as its text alone, unless ``--debug`` asks for the traceback."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        app()
    except HumotionError as error:
        if debug:
            raise
        _fail(str(error))
    except OSError as error:
        if debug or error.errno != errno.ENOSPC:
            raise
        _fail("The disk is full. Free some space and call the same command again: finished work is kept.")


def _fail(text: str) -> NoReturn:
    typer.secho(f"humotion: {text}", err=True, fg="red")
    sys.exit(1)


if __name__ == "__main__":
    main()

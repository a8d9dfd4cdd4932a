"""The stages of the pipeline as commands: `dvc repro` calls them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from humotion.errors import HumotionError
from humotion.params.document import Params, load_params
from humotion.tracking import git, local
from humotion.tracking.address import experiment_name

app = typer.Typer()

Dataset = Annotated[str, typer.Argument(help="A name under `datasets` in params.yaml.")]
Layer = Annotated[str, typer.Argument(help="A name under `layers` in params.yaml.")]
Experiment = Annotated[str, typer.Argument(help="A name under `experiments` in params.yaml.")]
Fusion = Annotated[str, typer.Argument(help="A name under `fusions` in params.yaml.")]
WRITE_TO_STORE = {
    "train": "models/{}",
    "evaluate": "reports/{}",
    "rebalance": "rebalanced/{}",
    "fuse": "models/{}",
    "register": "registered/{}.json",
}
"""Stages that write to the MLflow store, and the output that DVC has removed when they start."""
STAGES = "Stages (run by `dvc repro`)"


def _run_stage(stage: str, name: str) -> None:
    params = load_params()
    check_store(stage, name, params)
    import_module(f"humotion.stages.{stage}").run(name, params)


def check_store(stage: str, name: str, params: Params) -> None:
    """Check in every stage, in milliseconds, whether MLflow and git will serve the runs of the last ones.

    DVC removes the outputs of a stage before it starts. So the stages of an experiment that train nothing stop before a
    model is lost. The first stages of a dataset only warn, because their outputs cost hours. A stage that writes to the
    store says how to get its outputs back.

    Raises:
        HumotionError: MLflow would refuse the store, or git refuses the checkout.
    """
    chosen = params.makers.get(name)
    try:
        local.check(
            params.machine.tracking_uri, None if chosen is None else experiment_name(chosen.task, chosen.dataset)
        )
        git.in_repository()
    except HumotionError as error:
        if chosen is None:
            typer.secho(f"humotion: Later stages will stop. {error}", err=True, fg="yellow")
            return
        lost = Path(WRITE_TO_STORE[stage].format(name)) if stage in WRITE_TO_STORE else None
        back = f" Then `dvc checkout {lost}` brings the version before back." if lost and _was_removed(lost) else ""
        raise HumotionError(f"{error}{back}") from None


def _was_removed(output: Path) -> bool:
    """Whether DVC has made an output before, which is not there now."""
    lock = Path("dvc.lock")
    return not output.exists() and lock.exists() and f"path: {output.as_posix()}\n" in lock.read_text(encoding="utf-8")


@app.command(rich_help_panel=STAGES)
def index(dataset: Dataset) -> None:
    """Read a dataset's layout and official splits into prepared/DATASET/videos.parquet."""
    _run_stage("index", dataset)


@app.command(rich_help_panel=STAGES)
def extract(dataset: Dataset) -> None:
    """Decode every frame of a dataset into the frame store. After an interruption it resumes."""
    _run_stage("extract", dataset)


@app.command(rich_help_panel=STAGES)
def annotate(layer: Layer) -> None:
    """Let a tool look at every frame of a dataset, and write its layer. After an interruption it resumes."""
    _run_stage("annotate", layer)


@app.command(rich_help_panel=STAGES)
def review(layer: Layer) -> None:
    """Report what a layer found: shares by class, how steady landmarks are, how near to labels, and pictures."""
    _run_stage("review", layer)


@app.command(rich_help_panel=STAGES)
def explore(dataset: Dataset) -> None:
    """Write the data report: classes, lengths, brightness, contrast, blur, colour, outliers."""
    _run_stage("explore", dataset)


@app.command(rich_help_panel=STAGES)
def sample(experiment: Experiment) -> None:
    """Choose the split and a validation fold without common groups, and sample the frame indices of clips."""
    _run_stage("sample", experiment)


@app.command(rich_help_panel=STAGES)
def augment(experiment: Experiment) -> None:
    """Balance the classes, build the augmentation policy, and draw a contact sheet that shows its effect."""
    _run_stage("augment", experiment)


@app.command(rich_help_panel=STAGES)
def train(experiment: Experiment) -> None:
    """Train the model, tracked in MLflow. After an interruption it resumes after the last finished epoch."""
    _run_stage("train", experiment)


@app.command(rich_help_panel=STAGES)
def evaluate(experiment: Experiment) -> None:
    """Score the model and its baselines on the official test split, and draw figures and overlays."""
    _run_stage("evaluate", experiment)


@app.command(rich_help_panel=STAGES)
def rebalance(experiment: Experiment) -> None:
    """Train new heads on the model's embeddings with balanced classes, and compare them in one table."""
    _run_stage("rebalance", experiment)


@app.command(rich_help_panel=STAGES)
def fuse(fusion: Fusion) -> None:
    """Add the log-probabilities of two trained models, score and register the result, and compare it with both."""
    _run_stage("fuse", fusion)


@app.command(rich_help_panel=STAGES)
def register(
    experiment: Annotated[str, typer.Argument(help="A name under `experiments` or `fusions` in params.yaml.")],
    again: Annotated[bool, typer.Option("--again", help="Let a version that was demoted compete again.")] = False,
) -> None:
    """Register the model in MLflow. It becomes champion if it is better on validation clips."""
    from humotion.stages.register import run

    params = load_params()
    check_store("register", experiment, params)
    run(experiment, params, again)

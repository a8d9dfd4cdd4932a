"""The MLflow run of a model's training: its content, and how later stages open it again to add results."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from humotion.clips.datamodule import ClipDataModule
from humotion.files import read_json
from humotion.params.document import AnyMaker, Params
from humotion.tracking import runs
from humotion.tracking.address import experiment_name
from humotion.tracking.notes import training_note
from humotion.tracking.sources import COMMIT, RunSource, flatten, origin_tags
from humotion.training.attempt import abandoned_runs
from humotion.training.description import ModelDescription, clip_files, training_settings


def run_source(
    experiment: AnyMaker,
    name: str,
    data_md5: Mapping[str, str],
    meta: Mapping[str, Any],
    origin: Mapping[str, str] | None = None,
) -> RunSource:
    """Return what the run of a training records; ``origin`` is needed if the training ended earlier."""
    settings = training_settings(experiment)
    commit = (origin_tags() if origin is None else origin).get(COMMIT)
    note = training_note(name, flatten(settings), meta, commit)
    where = experiment_name(experiment.task, experiment.dataset)
    clips = {use: path for use, path in clip_files(name).items() if path.exists()}
    return RunSource(where, name, settings, data_md5, note, origin, clips)


def recorded_source(experiment: AnyMaker, description: ModelDescription) -> RunSource:
    """Return what the run of a trained model has recorded."""
    return run_source(experiment, description.experiment, description.data_md5, description.meta, description.source)


def reopened_run(data: ClipDataModule, params: Params, description: ModelDescription) -> AbstractContextManager[str]:
    """Open the run in which a model was trained; if the store does not have it, create a complete one."""
    runs.close_dead_runs(params.machine.tracking_uri, abandoned_runs(), but=description.run_id)
    example = data.raw_path(params.dataset(data.experiment.dataset).root, "val")
    return run_of_files(params, description, example)


def run_of_files(params: Params, description: ModelDescription, example: Path) -> AbstractContextManager[str]:
    """Open the run in which a model was trained; if the store does not have it, create it from the checkout's files.

    ``example`` is a video for the input example of the logged model; it may be absent.
    """
    name = description.experiment
    source = recorded_source(params.maker(name), description)
    metrics = Path("metrics") / name / "train.json"
    # Weights from elsewhere have no training metrics, and a fusion has no epochs.
    trained: dict[str, Any] = read_json(metrics) if metrics.exists() else {"val": {}}
    chosen = {f"best_val/{key}": value for key, value in trained["val"].items() if value is not None}
    chosen["best_epoch"] = trained.get("best_epoch", 0)
    restoration = runs.Restoration(chosen, Path("models") / name, example)
    return runs.finished_run(description.run_id, source, restoration, params.machine.tracking_uri)

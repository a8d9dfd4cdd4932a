"""The MLflow run of a model's training, opened again by the stages that add to it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from humotion.clips.datamodule import ClipDataModule
from humotion.files import read_json
from humotion.params import Params
from humotion.tracking import runs
from humotion.training.description import ModelDescription


def training_run(data: ClipDataModule, params: Params, description: ModelDescription) -> AbstractContextManager[str]:
    """Open the run in which a model was trained; a store that does not know it gets one with all that it needs."""
    experiment, name = data.experiment, description.experiment
    settings = experiment.model_dump(mode="json", by_alias=True, exclude={"evaluate", "register_"})
    source = runs.RunSource(
        runs.experiment_name(experiment.task, experiment.dataset), name, settings, description.data_md5
    )
    metrics = Path("metrics") / name / "train.json"
    trained: dict[str, Any] = read_json(metrics) if metrics.exists() else {"val": {}}  # weights from elsewhere
    chosen = {f"best_val/{key}": value for key, value in trained["val"].items() if value is not None}
    example = data.raw_path(params.dataset(experiment.dataset).root, "val")
    restoration = runs.Restoration(chosen, Path("models") / name, example)
    return runs.finished_run(description.run_id, source, restoration, params.machine.tracking_uri)

"""Stage evaluate: score a trained model and its baselines on the official test split.

The MLflow run of the training gets the test metrics, figures and overlays. Test data decides nothing: validation clips
decided which checkpoint to use, before this stage started.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from humotion import choices
from humotion.clips.datamodule import ClipDataModule
from humotion.evaluation.result import Evaluation
from humotion.figures.curves import plot_curves
from humotion.files import atomic_folder
from humotion.params.document import Params
from humotion.tracking import runs
from humotion.tracking.sources import log_lock
from humotion.training.model_folder import load_task
from humotion.training.run import recorded_source, reopened_run


def run(name: str, params: Params) -> None:
    """Write ``metrics/<name>/test.json``, ``breakdown.csv`` and ``reports/<name>/``, and log them.

    Raises:
        HumotionError: there is no such experiment, or no trained model.
    """
    experiment = params.experiment(name)
    task, description = load_task(Path("models") / name)
    data = ClipDataModule(name, params, task.model.num_neighbours)  # type: ignore[arg-type]
    protocol = choices.load("tasks", experiment.task, "evaluation.protocol")
    report, metrics = Path("reports") / name, Path("metrics") / name
    with atomic_folder(report) as folder:
        result: Evaluation = protocol.evaluate(task, data, params, folder)
        result.write_clips(folder)
        if (curves := metrics / "curves.csv").exists():  # a converted model has none
            plot_curves(folder / "curves.png", pd.read_csv(curves), name)
    result.write_scores(metrics)

    with reopened_run(data, params, description):
        runs.log_metrics(result.flat_metrics())
        runs.log_folder(report, "evaluate")
        # MLflow params are immutable once logged; another evaluation of the same run may differ.
        runs.describe(recorded_source(experiment, description).note, description.validation, result.as_dict())
        log_lock(f"train@{name}", Path("models") / name)
        runs.set_tags({f"evaluate.{key}": str(value) for key, value in experiment.evaluate.model_dump().items()})

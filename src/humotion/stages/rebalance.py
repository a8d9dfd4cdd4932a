"""Stage rebalance: re-train heads on the embeddings of a trained model, with the classes balanced in several ways.

The backbone stays frozen. Resampling touches training clips alone, settings are chosen on validation clips, and the
test clips are scored once, every head beside the un-resampled one. Everything goes into the MLflow run of the training.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from humotion.clips.datamodule import ClipDataModule
from humotion.clips.splits import SPLITS
from humotion.errors import HumotionError
from humotion.figures.recall_grid import plot_recall_grid
from humotion.files import atomic_folder, write_json
from humotion.params.document import Params
from humotion.tasks.action_recognition.rebalancing.comparison import compare_heads
from humotion.tasks.action_recognition.rebalancing.embeddings import embed_clips
from humotion.tasks.action_recognition.rebalancing.report import class_counts, write_predictions, write_report
from humotion.tasks.action_recognition.rebalancing.tables import (
    METRICS,
    as_metrics,
    recall_table,
    score_heads,
    score_table,
    selection_table,
)
from humotion.tracking import runs
from humotion.training.description import WEIGHTS
from humotion.training.model_folder import load_task
from humotion.training.run import training_run
from humotion.work import digest_of, digest_of_code, digest_of_file, work_folder


def run(name: str, params: Params) -> None:
    """Write ``rebalanced/<name>/`` and ``metrics/<name>/rebalance.json``; log them.

    Raises:
        HumotionError: params.yaml has no ``rebalance`` for the experiment, or there is no trained model.
    """
    if name not in params.rebalance:
        raise HumotionError(f"params.yaml has no rebalance.{name}; `{name}: {{}}` under rebalance takes the defaults.")
    settings = params.rebalance[name]
    task, description = load_task(Path("models") / name)
    data = ClipDataModule(name, params, task.model.num_neighbours)  # type: ignore[arg-type]
    cache = work_folder("rebalance", name) / "embeddings.safetensors"
    outcomes = embed_clips(task, data, params.machine, cache, input_digest(name, data))
    classes: list[str] = data.meta["classes"]
    results = compare_heads(outcomes, settings, len(classes))
    scored = score_heads(results, outcomes["test"].clips, classes, settings)
    train_labels = outcomes["train"].clips["label_id"].to_numpy()
    recall = recall_table(scored, classes, np.bincount(train_labels, minlength=len(classes)).tolist())
    folder = Path("rebalanced") / name
    with atomic_folder(folder) as out:
        table = score_table(scored, results)
        table.to_csv(out / "table.csv", index=False)
        selection_table(results).to_csv(out / "selection.csv", index=False)
        class_counts(results, classes).to_csv(out / "class_counts.csv", index=False)
        write_predictions(out / "predictions.csv", outcomes["test"].clips, results, classes)
        columns = recall.set_index("label").drop(columns="train_clips")
        plot_recall_grid(out / "recall.png", columns, recall["train_clips"].tolist(), "Recall by class, test split")
        write_report(out / "report.md", name, scored, results, recall, outcomes, settings)
    write_json(Path("metrics") / name / "rebalance.json", as_metrics(scored))
    with training_run(data, params, description):
        runs.log_metrics(
            {f"rebalance/{head}/{metric}": s.scores[metric] for head, s in scored.items() for metric in METRICS}
        )
        runs.log_folder(folder, "rebalance")
        runs.set_tags({f"rebalance.{key}": str(value) for key, value in settings.model_dump().items()})


def input_digest(name: str, data: ClipDataModule) -> str:
    """Covers all that the embeddings depend on: weights, clips, frames, size and code."""
    files = [Path("models") / name / WEIGHTS, data.prepared / "frames.parquet"]
    files += [data.clips_folder / f"{split}.parquet" for split in SPLITS]
    size = data.experiment.augment.size
    return digest_of({"files": [digest_of_file(file) for file in files], "size": size, "code": digest_of_code()})

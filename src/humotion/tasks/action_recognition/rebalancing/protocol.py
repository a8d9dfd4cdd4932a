"""Compare all heads on the embeddings of a trained model, on the test clips: tables, figures and the report.

The backbone stays frozen. Only training clips are resampled, and settings are chosen on validation clips. The test
clips are scored once, and every head is compared with the un-resampled one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from humotion.clips.datamodule import ClipDataModule
from humotion.figures.recall_grid import plot_recall_grid
from humotion.params.machine import MachineParams
from humotion.params.rebalance import RebalanceParams
from humotion.tasks.action_recognition.rebalancing.comparison import compare_heads
from humotion.tasks.action_recognition.rebalancing.embeddings import embed_clips
from humotion.tasks.action_recognition.rebalancing.report import class_counts, write_predictions, write_report
from humotion.tasks.action_recognition.rebalancing.tables import (
    as_metrics,
    recall_table,
    score_heads,
    score_table,
    selection_table,
)
from humotion.training.task import Task


def rebalance(
    task: Task,
    data: ClipDataModule,
    settings: RebalanceParams,
    machine: MachineParams,
    cache: Path,
    digest: str,
    folder: Path,
) -> dict[str, Any]:
    """Fit and compare all heads, and write tables, figures and ``report.md`` into ``folder``.

    Args:
        task: a trained action model.
        data: its clips.
        settings: the settings to try.
        machine: settings of the machine that computes the embeddings.
        cache, digest: file of the embeddings, and digest of everything they depend on (see `embed_clips`).
        folder: folder for the results.

    Returns:
        The content of rebalance.json: the scores of every head, and its gains.
    """
    outcomes = embed_clips(task, data, machine, cache, digest)
    classes: list[str] = data.meta["classes"]
    results = compare_heads(outcomes, settings, len(classes))
    scored = score_heads(results, outcomes["test"].clips, classes, settings)
    train_labels = outcomes["train"].clips["label_id"].to_numpy()
    recall = recall_table(scored, classes, np.bincount(train_labels, minlength=len(classes)).tolist())
    score_table(scored, results).to_csv(folder / "table.csv", index=False)
    selection_table(results).to_csv(folder / "selection.csv", index=False)
    class_counts(results, classes).to_csv(folder / "class_counts.csv", index=False)
    write_predictions(folder / "predictions.csv", outcomes["test"].clips, results, classes)
    columns = recall.set_index("label").drop(columns="train_clips")
    plot_recall_grid(folder / "recall.png", columns, recall["train_clips"].tolist(), "Recall by class, test split")
    write_report(folder / "report.md", data.clips_folder.name, scored, results, recall, outcomes, settings)
    return as_metrics(scored)

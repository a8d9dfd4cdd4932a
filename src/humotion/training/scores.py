"""What versions are compared on."""

from __future__ import annotations

import pandas as pd

from humotion.clips.datamodule import ClipDataModule
from humotion.params.machine import MachineParams
from humotion.poses.hits import THRESHOLDS
from humotion.tasks.action_recognition.training.outcomes import action_probabilities
from humotion.tasks.pose_estimation.training.outcomes import pose_outcomes
from humotion.training.task import Task


def clip_scores(task: Task, data: ClipDataModule, split: str, machine: MachineParams) -> pd.DataFrame:
    """What versions are compared on: a row a clip with ``clip_id``, ``group``, ``score``, ``weight``, and more.

    The weighted mean of ``score`` is the task's main metric: top-1 (weight 1 a clip), or PCK@0.2
    pooled over joints (weight: the number of joints that count). Of actions ``label_id`` and
    ``predicted`` follow, for scores that are no means over clips; of poses the other PCKs.
    """
    if data.experiment.task == "action_recognition":
        table, probabilities = action_probabilities(task, data, split, machine)
        predicted = probabilities.argmax(axis=1)
        right = predicted == table["label_id"]
        scored = table[["clip_id", "group"]].assign(score=right.astype(float), weight=1.0)
        return scored.assign(label_id=table["label_id"], predicted=predicted)
    rows = []
    for outcome in pose_outcomes(task, data, split, machine):
        scores = outcome.scores()
        pck = {name: scores[name][0] for name in (f"pck_{threshold:g}" for threshold in THRESHOLDS)}
        row = {"clip_id": outcome.clip_id, "group": outcome.group, "score": pck["pck_0.2"]}
        rows.append(row | {"weight": float(scores["pck_0.2"][1])} | pck)
    return pd.DataFrame(rows)

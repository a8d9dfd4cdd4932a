"""Tables that compare the heads: scores on the test clips, and the gain of each head over the un-resampled one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from humotion.evaluation.bootstrap import BootstrapResult
from humotion.evaluation.tallies import class_recall, class_scores, paired_class_bootstrap, tally
from humotion.params.rebalance import RebalanceParams
from humotion.tasks.action_recognition.rebalancing.comparison import LINEAR, HeadResult
from humotion.tasks.action_recognition.rebalancing.heads import Trial

METRICS = ("top1", "macro_f1", "mean_class_accuracy")


@dataclass(frozen=True)
class HeadScores:
    """Scores of one head on the test clips.

    Attributes:
        scores: ``top1``, ``macro_f1``, ``mean_class_accuracy``, and ``recall/<label>`` of every class.
        gains: gains over the un-resampled head, by the same names; empty for that head itself.
    """

    scores: dict[str, float]
    gains: dict[str, BootstrapResult]


def score_heads(
    results: Mapping[str, HeadResult], clips: pd.DataFrame, classes: Sequence[str], params: RebalanceParams
) -> dict[str, HeadScores]:
    """Score every head's predictions for the clips (columns label_id, group), paired with the un-resampled head."""
    labels, groups = clips["label_id"].to_numpy(), clips["group"].tolist()
    tallies = {name: tally(result.predicted, labels, groups, len(classes)) for name, result in results.items()}
    names = {f"recall/{index}": f"recall/{label}" for index, label in enumerate(classes)}
    scored = {}
    for head, counts in tallies.items():
        whole = counts.sum(axis=0)
        recalls = dict(zip(names.values(), class_recall(whole).tolist(), strict=True))
        scores = {name: float(value) for name, value in class_scores(whole).items()} | recalls
        gains = {}
        if head != LINEAR:
            found = paired_class_bootstrap(counts, tallies[LINEAR], params.seed, params.bootstrap)
            gains = {names.get(name, name): gain for name, gain in found.items()}
        scored[head] = HeadScores(scores, gains)
    return scored


def score_table(scored: Mapping[str, HeadScores], results: Mapping[str, HeadResult]) -> pd.DataFrame:
    """One row per head: settings, training rows, every score, and every gain with its interval and verdict."""
    rows = []
    for name, head in scored.items():
        fitted, counts = results[name].head, results[name].row_counts
        row: dict[str, Any] = {
            "head": name,
            "l2": fitted and fitted.l2,
            "tau": fitted and fitted.tau,
            "training_rows": None if counts is None else int(counts.sum()),
            **head.scores,
        }
        for metric, gain in head.gains.items():
            row |= {f"{metric}/{key}": value for key, value in gain._asdict().items()}
            row[f"{metric}/verdict"] = verdict(gain)
        rows.append(row)
    table = pd.DataFrame(rows)
    return table.astype({"training_rows": "Int64", "l2": float, "tau": float})


def selection_table(results: Mapping[str, HeadResult]) -> pd.DataFrame:
    """One row per head and setting tried: head, l2, tau, and macro_f1 on validation clips."""
    rows = [(name, *trial) for name, result in results.items() if result.head for trial in result.head.trials]
    return pd.DataFrame(rows, columns=["head", *Trial._fields])


def recall_table(scored: Mapping[str, HeadScores], classes: Sequence[str], train_clips: Sequence[int]) -> pd.DataFrame:
    """One row per class, the largest in training first: label, training clips, and the recall of every head."""
    recalls = {name: [head.scores[f"recall/{label}"] for label in classes] for name, head in scored.items()}
    table = pd.DataFrame({"label": list(classes), "train_clips": list(train_clips), **recalls})
    return table.sort_values(["train_clips", "label"], ascending=[False, True], ignore_index=True)


def verdict(gain: BootstrapResult) -> str:
    """The result in words: better or worse if the interval excludes 0, otherwise not distinguishable."""
    if not gain.distinguishable:
        return "not distinguishable"
    return "better" if gain.difference > 0 else "worse"


def as_metrics(scored: Mapping[str, HeadScores]) -> dict[str, Any]:
    """The content of rebalance.json: the three scores of each head and their gains, without the recalls."""
    return {
        name: {metric: head.scores[metric] for metric in METRICS}
        | ({"gain": {metric: head.gains[metric]._asdict() for metric in METRICS}} if head.gains else {})
        for name, head in scored.items()
    }

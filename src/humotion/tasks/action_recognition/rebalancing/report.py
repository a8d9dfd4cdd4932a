"""Files that `rebalance` writes in addition to its table: report.md, class counts per head, and every prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from humotion.figures.tables import markdown_table
from humotion.files import atomic_path
from humotion.params.rebalance import RebalanceParams
from humotion.tasks.action_recognition.rebalancing.comparison import HEADS, LINEAR, HeadResult
from humotion.tasks.action_recognition.rebalancing.resampling import classes_of_one, neighbours_for
from humotion.tasks.action_recognition.rebalancing.tables import METRICS, HeadScores, verdict
from humotion.tasks.action_recognition.training.outcomes import ActionOutcome

INTRODUCTION = """\
Heads on the embeddings of one frozen backbone, standardised by the training clips. Only training rows were resampled.
L2 strength and tau were chosen on the validation fold by macro-F1. The test clips are scored once. Each score is
followed by the gain over the un-resampled linear head and its 95 % interval (paired bootstrap over groups). If the
interval contains 0, the two heads are not distinguishable. The intervals cover the draw of test clips, not the draw of
training clips or the resampling. They are not corrected for the number of comparisons."""


def write_report(
    path: Path,
    name: str,
    scored: Mapping[str, HeadScores],
    results: Mapping[str, HeadResult],
    recall: pd.DataFrame,
    outcomes: Mapping[str, ActionOutcome],
    params: RebalanceParams,
) -> None:
    """Write ``report.md``: the table of heads, the recall of every class, and notes on the resampling."""
    test = outcomes["test"].clips
    sections = [
        f"# {name}: heads re-trained on balanced classes",
        INTRODUCTION,
        f"{len(outcomes['train'].clips)} training, {len(outcomes['val'].clips)} validation and {len(test)} test clips; "
        f"the test clips come from {test['group'].nunique()} groups.",
        _table(scored, results),
        "## Recall by class",
        "![recall](recall.png)",
        markdown_table(recall.columns.tolist(), [_recall_row(row) for row in recall.itertuples(index=False)]),
        _distinguishable_recalls(scored),
        "## Reliability of the chosen settings",
        _selection(results, len(outcomes["val"].clips)),
        "## Notes on the resampling",
        *_notes(outcomes["train"].clips, results, recall["label"].tolist(), params),
    ]
    with atomic_path(path) as temporary:
        temporary.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def class_counts(results: Mapping[str, HeadResult], classes: Sequence[str]) -> pd.DataFrame:
    """Number of training rows per class and head: one row per class, one column per head."""
    counted = {name: result.row_counts for name, result in results.items() if result.row_counts is not None}
    return pd.DataFrame({"label": list(classes), **counted})


def write_predictions(
    path: Path, clips: pd.DataFrame, results: Mapping[str, HeadResult], classes: Sequence[str]
) -> None:
    """Write one row per test clip: its label, and the prediction of each head."""
    predicted = {name: [classes[index] for index in result.predicted] for name, result in results.items()}
    pd.DataFrame({"clip_id": clips["clip_id"], "group": clips["group"], "label": clips["label"], **predicted}).to_csv(
        path, index=False
    )


def _table(scored: Mapping[str, HeadScores], results: Mapping[str, HeadResult]) -> str:
    rows = []
    for name, head in scored.items():
        fitted, counts = results[name].head, results[name].row_counts
        settings = [] if fitted is None else [f"L2 {fitted.l2:g}"]
        settings += [f"tau {fitted.tau:g}"] if fitted is not None and fitted.tau is not None else []
        number = "" if counts is None else int(counts.sum())
        rows.append((f"`{name}`: {HEADS[name]}", number, ", ".join(settings), *(_cell(head, m) for m in METRICS)))
    return markdown_table(["head", "training rows", "chosen", "top-1", "macro-F1", "mean-class accuracy"], rows)


def _cell(head: HeadScores, metric: str) -> str:
    score = f"{head.scores[metric]:.3f}"
    if metric not in head.gains:
        return score
    gain = head.gains[metric]
    return f"{score}; {gain.difference:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}), {verdict(gain)}"


def _recall_row(row: Sequence[object]) -> list[object]:
    return [f"{value:.2f}" if isinstance(value, float) else value for value in row]


def _distinguishable_recalls(scored: Mapping[str, HeadScores]) -> str:
    found = [
        f"`{name}` on {metric.removeprefix('recall/')}: {gain.difference:+.2f} ({gain.low:+.2f} to {gain.high:+.2f})"
        for name, head in scored.items()
        for metric, gain in head.gains.items()
        if metric.startswith("recall/") and gain.distinguishable
    ]
    if not found:
        return f"No head's recall of any class is distinguishable from that of `{LINEAR}`."
    return f"Distinguishable from `{LINEAR}`: {'; '.join(found)}. All other recalls are not distinguishable."


def _selection(results: Mapping[str, HeadResult], num_clips: int) -> str:
    rows = []
    for name, result in results.items():
        if result.head is not None:
            best, *others = sorted((trial.macro_f1 for trial in result.head.trials), reverse=True)
            rows.append((f"`{name}`", f"{best:.3f}", *(f"{others[end]:.3f}" if others else "" for end in (0, -1))))
    text = (
        f"Macro-F1 on {num_clips} validation clips, for the chosen setting and the others (all in selection.csv). "
        "If the second best is close, another fold might lead to another choice. Then a gain or loss may come from "
        "the choice and not from the balancing."
    )
    return f"{text}\n\n{markdown_table(['head', 'chosen', 'second best', 'worst'], rows)}"


def _notes(
    train: pd.DataFrame, results: Mapping[str, HeadResult], labels: Sequence[str], params: RebalanceParams
) -> list[str]:
    label_ids = train["label_id"].to_numpy()
    names = dict(zip(train["label_id"], train["label"], strict=True))
    neighbours = neighbours_for(label_ids, params.k_neighbors)
    alone = [names[label] for label in classes_of_one(label_ids)]
    absent = [label for label in labels if label not in set(train["label"])]
    notes = [f"SMOTE used {neighbours} neighbours (at most {params.k_neighbors}; the smallest class limits them)."]
    if alone:
        notes.append(f"Classes with one clip, not changed by SMOTE or by the cleaning after it: {', '.join(alone)}.")
    if absent:
        notes.append(f"Classes without a training clip, which no head can predict: {', '.join(absent)}.")
    for name, result in results.items():
        if result.emptied:
            emptied = ", ".join(names[label] for label in result.emptied)
            notes.append(f"`{name}`: cleaning removed every row of {emptied}; their original rows were restored.")
        if result.head is not None and result.head.l2 in (min(params.l2), max(params.l2)) and len(params.l2) > 1:
            notes.append(f"`{name}`: the chosen L2 strength {result.head.l2:g} is at the end of the tried range.")
    return notes

"""The Markdown text of an action evaluation: scores of model and baselines, gains, footage, confusions, classes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from humotion.evaluation.bootstrap import BootstrapResult
from humotion.evaluation.result import Evaluation
from humotion.figures.tables import markdown_table

METRICS = ("top1", "top5", "mean_class_accuracy", "macro_f1", "ece")
BASELINES = {
    "chance": "chance",
    "majority": "largest training class",
    "linear_probe": "linear probe on the pretrained weights",
}
VARIANTS = {"reversed": "frames reversed", "shuffled": "frames shuffled"}
MOST_PAIRS = 15


def action_report(
    title: str,
    result: Evaluation,
    table: pd.DataFrame,
    pairs: pd.DataFrame,
    by_field: pd.DataFrame | None,
    notices: Sequence[str] = (),
) -> str:
    """Return the text of ``reports/<experiment>/scores.md``.

    Args:
        title: heading of the text.
        result: result of the evaluation.
        table: every class (`humotion.tasks.action_recognition.evaluation.scores.per_class_table`).
        pairs: confused pairs (`humotion.tasks.action_recognition.evaluation.details.confused_pairs`).
        by_field: accuracy by kind of footage, if the dataset has fields about it.
        notices: what must be known of the split.
    """
    about = (
        f"{result.num_clips} test clips from {result.num_groups} films or recordings. Scores are from one view per "
        "clip (1x1: frames spread over the complete clip; of pictures, a crop at the centre) unless a row says "
        "otherwise. The 95 % intervals of gains are from a paired bootstrap over films or recordings."
    )
    warned = [f"**{notice}.**" for notice in notices]
    sections = [
        f"# {title}",
        *warned,
        about,
        "## Scores",
        _scores(result),
        *_untested(table),
        "## Gains",
        _gains(result),
    ]
    if result.abstention:
        sections += ["## None", _abstention(result)]
    if by_field is not None:
        sections += [
            "## Footage",
            "Accuracy by the fields that the dataset has about its footage. Fields depend on the classes and on each "
            "other, so a difference may have another cause than the field. Intervals are Wilson's; the clips of one "
            "film count as one draw.",
            _footage(by_field),
            *_unknown(by_field, result.num_clips),
        ]
    sections += ["## Most confused pairs", _pairs(pairs), "## Classes, worst first", _classes(table), ""]
    return "\n\n".join(sections)


def _scores(result: Evaluation) -> str:
    """One row per variant of the model and per baseline; baselines without a model have no ECE."""
    rows = {"model, 1x1": {metric: result.scores.get(metric) for metric in METRICS}}
    for gain in result.more_gains:
        if gain.over == result.main:  # a variant of the model
            variant = gain.metric.removeprefix(f"{result.main}_")
            name = f"model, {VARIANTS.get(variant, f'{variant} views')}"
            rows[name] = {metric: result.scores.get(f"{metric}_{variant}") for metric in METRICS}
    rows |= {
        BASELINES.get(name, name): {metric: scores.get(metric) for metric in METRICS}
        for name, scores in result.baselines.items()
    }
    shown = [metric for metric in METRICS if metric in result.scores]
    return markdown_table(
        ["%", *shown], [[name, *(_percent(scores[metric]) for metric in shown)] for name, scores in rows.items()]
    )


def _untested(table: pd.DataFrame) -> list[str]:
    """A sentence on the classes that the class means leave out, if there are any."""
    absent = table.loc[table["num_clips"] == 0, "label"].tolist()
    if not absent:
        return []
    return [
        f"{len(absent)} of {len(table)} classes have no test clip, so mean-class accuracy and macro-F1 are means over "
        f"the other classes: {', '.join(absent)}."
    ]


def _unknown(by_field: pd.DataFrame, num_clips: int) -> list[str]:
    """A sentence on the clips that have no value of a field, if there are any."""
    known = by_field.groupby("field", sort=False)["num_clips"].sum()
    missing = [f"{num_clips - count} clips have no {field}" for field, count in known.items() if count < num_clips]
    return [f"Not in this table: {'; '.join(missing)}."] if missing else []


def _gains(result: Evaluation) -> str:
    rows = [_gain_row(result.main, result.against, result.gain)]
    rows += [_gain_row(gain.metric, gain.over, gain.result) for gain in result.more_gains]
    return markdown_table(["score", "over", "difference", "95 % interval", ""], rows)


def _abstention(result: Evaluation) -> str:
    """What the threshold of the validation clips is worth on the test clips, which chose nothing."""
    found = result.abstention
    if found["threshold"] is None:
        return (
            f"On the validation clips, no confidence gave at least {found['wanted']:.0%} right answers, so "
            '`humotion predict --live` always says "none" unless it is told another threshold.'
        )
    answered = f"It answers {found['coverage']:.1%} of the test clips"
    right = "." if found["accuracy"] is None else f", and {found['accuracy']:.1%} of these answers are right."
    return (
        f'`humotion predict --live` says "none" below a confidence of {found["threshold"]:.3f} (at temperature '
        f"{found['temperature']:.2f}). On validation clips, at least {found['wanted']:.0%} of the answers above it are "
        f"right. {answered}{right} All test clips show one of the classes: what it says of other movements is not "
        "known from them."
    )


def _gain_row(metric: str, over: str, result: BootstrapResult) -> list[str]:
    if math.isnan(result.low):
        return [metric, over, f"{result.difference:+.3f}", "none: only one group", ""]
    verdict = "" if result.distinguishable else "not distinguishable from 0"
    return [metric, over, f"{result.difference:+.3f}", f"{result.low:+.3f} to {result.high:+.3f}", verdict]


def _footage(by_field: pd.DataFrame) -> str:
    rows = [
        [
            row["field"],
            row["value"],
            row["num_clips"],
            row["num_groups"],
            _percent(row["top1"]),
            _range(row["low"], row["high"]),
        ]
        for row in by_field.to_dict("records")
    ]
    return markdown_table(["field", "value", "clips", "films", "top-1, %", "95 % interval"], rows)


def _pairs(pairs: pd.DataFrame) -> str:
    if pairs.empty:
        return "None."
    rows = [
        [row["label"], row["predicted"], row["count"], _percent(row["share"])]
        for row in pairs.head(MOST_PAIRS).to_dict("records")
    ]
    table = markdown_table(["label", "predicted as", "clips", "of the label's clips, %"], rows)
    more = len(pairs) - MOST_PAIRS
    return f"{table}\n\n{more} more pairs are in confused_pairs.csv." if more > 0 else table


def _classes(table: pd.DataFrame) -> str:
    table = table.sort_values(["recall", "label"], na_position="last")
    rows = [
        [row["label"], row["num_clips"], *(_percent(row[column]) for column in ("recall", "precision", "f1"))]
        for row in table.to_dict("records")
    ]
    return markdown_table(["%", "clips", "recall", "precision", "F1"], rows)


def _percent(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{100 * value:.1f}"


def _range(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{_percent(low)} to {_percent(high)}"

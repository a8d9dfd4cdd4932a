"""The Markdown tables of a pose evaluation: every mean by its name, every joint, occlusion, and jitter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from torch import Tensor

from humotion.figures.tables import markdown_table
from humotion.poses.hits import THRESHOLDS, box_sides
from humotion.poses.pck import PCK
from humotion.poses.scores import PoseScores
from humotion.store.skeleton import Skeleton

MEANS = {"": "pooled over joints and frames", "_joint_mean": "mean of joints", "_group_mean": "mean of 7 groups"}
COUNTED = {"visible": "visible joints", "labelled": "all labelled joints"}
JITTER = {
    "jitter": "error of the acceleration",
    "acceleration": "acceleration of the predicted joints",
    "acceleration_labels": "acceleration of the labels",
}


def pose_report(
    title: str,
    how: str,
    model: PoseScores,
    baselines: Mapping[str, PoseScores],
    skeleton: Skeleton,
    abstention: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """Return the text of ``reports/<experiment>/scores.md``; ``abstention`` is as in `Evaluation`."""
    columns = {"model": model.compute(), **{name: scores.compute() for name, scores in baselines.items()}}
    return "\n\n".join(
        [
            f"# {title}",
            f"{how} PCK counts {COUNTED[skeleton.scored]}. A joint is found if its distance is at most that share of a "
            "length: by box, the longer side of the labelled box; by torso, the distance from the left shoulder to the "
            f"right hip. Groups are {', '.join(name for name, _ in skeleton.groups)}, left and right together. The "
            "published value for Penn Action is the pooled mean, and for JHMDB the mean of groups, both by box.",
            "## Means",
            _means(columns),
            "## Joints",
            _joints(model, skeleton),
            "## Jitter",
            "In thousandths of a box side per frame squared, over joints visible in three consecutive frames. "
            "The error of a pose that does not move is the acceleration of the labels.",
            _table("", JITTER, columns, 1000, ".2f"),
            *(["## Believed joints", _believed(abstention)] if abstention else []),
            "",
        ]
    )


def unscored_notes(boxes: Sequence[Tensor], weights: Sequence[float]) -> list[str]:
    """Sentences on test frames and videos that do not count, or count as missed; none if there are none.

    Args:
        boxes: the boxes (T, 4) of each video.
        weights: the number of joints that count in each video.
    """
    notes = []
    empty = sum(int((box_sides(box) == 0).sum()) for box in boxes)
    if empty:
        frames = sum(map(len, boxes))
        notes.append(f"{empty:,} of {frames:,} test frames have an empty box: by box, their joints are missed.")
    if silent := sum(weight == 0 for weight in weights):
        notes.append(f"{silent:,} of {len(weights):,} test videos have no joint that counts, so no score uses them.")
    return notes


def _believed(abstention: Mapping[str, Any]) -> str:
    """What the threshold of the validation clips is worth on the test clips, which chose nothing."""
    wanted, threshold, accuracy = (abstention[key] for key in ("wanted", "threshold", "accuracy"))
    if threshold is None:
        return (
            f"On the validation clips, no score of joints gave at least {wanted:.0%} right ones, so `humotion predict` "
            "draws none."
        )
    right = "." if accuracy is None else f", and {accuracy:.1%} of these are right."
    return (
        f"`humotion predict` draws joints with a score of at least {threshold:.3f}. On validation clips, at least "
        f"{wanted:.0%} of them are right (PCK@0.2 by box). It draws {abstention['coverage']:.1%} of the joints of the "
        f"test clips{right} All of this is about labelled boxes and footage like that of these clips."
    )


def _means(columns: Mapping[str, Mapping[str, float]]) -> str:
    """PCK by every length, threshold and mean, and PCK of occluded joints if there are any."""
    names = {
        f"{prefix}_{threshold:g}{suffix}": f"PCK@{threshold:g} by {what}, {mean}"
        for prefix, what in (("pck", "box"), ("pck_torso", "torso"), ("pck_occluded", "box, occluded joints"))
        for threshold in THRESHOLDS
        for suffix, mean in MEANS.items()
    }
    known = {key: text for key, text in names.items() if any(key in scores for scores in columns.values())}
    return _table("%", known, columns, 100, ".1f")


def _table(
    unit: str, rows: Mapping[str, str], columns: Mapping[str, Mapping[str, float]], factor: float, style: str
) -> str:
    body = [
        [text, *(format(factor * scores.get(key, float("nan")), style) for scores in columns.values())]
        for key, text in rows.items()
    ]
    return markdown_table([unit, *columns], body)


def _joints(scores: PoseScores, skeleton: Skeleton) -> str:
    """Every joint of the model by box, by torso, and when occluded, with the number of counted joints."""
    parts = {"box": scores.box, "torso": scores.torso}
    if scores.occluded.counts.any():
        parts["occluded, box"] = scores.occluded
    header = ["%"]
    cells: list[list[str]] = [[joint] for joint in skeleton.joints]
    for name, metric in parts.items():
        header += [*(f"{name} {threshold:g}" for threshold in THRESHOLDS), f"{name} n"]
        for row, values in zip(cells, _columns(metric), strict=True):
            row += values
    return markdown_table(header, cells)


def _columns(metric: PCK) -> list[list[str]]:
    found = metric.compute()
    shares = [found[f"{name}_by_joint"].tolist() for name in metric.names]
    return [
        [*(f"{100 * share[joint]:.1f}" for share in shares), f"{count:,}"]
        for joint, count in enumerate(metric.counts.tolist())
    ]

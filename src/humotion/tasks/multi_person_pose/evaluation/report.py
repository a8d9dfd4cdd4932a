"""The report of an evaluation of several people, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from humotion.evaluation.bootstrap import BootstrapResult
from humotion.figures.tables import markdown_table

NAMES = {
    "ap": "AP",
    "ap_50": "AP at OKS .50",
    "ap_75": "AP at OKS .75",
    "ap_medium": "AP, people of 32² to 96² pixels",
    "ap_large": "AP, larger people",
    "ap_overlap_low": "AP, images with little overlap",
    "ap_overlap_medium": "AP, some overlap",
    "ap_overlap_high": "AP, much overlap",
    "ar": "AR (recall)",
    "ar_50": "AR at OKS .50",
    "ar_75": "AR at OKS .75",
}


def people_report(
    title: str,
    how: str,
    columns: Mapping[str, Mapping[str, float]],
    gain: BootstrapResult,
    num_images: int,
    abstention: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """Return the report.

    Args:
        title: heading.
        how: a sentence about the test and its settings.
        columns: scores by name, by the name of model or baseline.
        gain: AP of the model less that of the baseline.
        num_images: number of test images.
        abstention: as in `Evaluation`.
    """
    rows = [
        [text, *(format(scores.get(key, float("nan")), ".3f") for scores in columns.values())]
        for key, text in NAMES.items()
        if any(key in scores for scores in columns.values())
    ]
    is_clear = gain.low > 0 or gain.high < 0
    verdict = "" if is_clear else " The interval holds 0: the two are not distinguishable here."
    return "\n".join(
        [
            f"# {title}",
            "",
            how,
            "",
            "Scores are those of COCO's evaluation, from 0 to 1. The baseline knows the true box of every person, and "
            "puts the mean pose of the training images into it.",
            "",
            markdown_table(["", *columns], rows),
            "",
            f"AP over the baseline: {gain.difference:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}, 95 % interval of a "
            f"bootstrap over the groups of {num_images:,} images).{verdict}",
            "",
            *(["## Who is drawn", "", _believed(abstention), ""] if abstention else []),
        ]
    )


def _believed(abstention: Mapping[str, Any]) -> str:
    """What the thresholds of the validation images are worth on the test images, which chose nothing."""
    person, joint, wanted = (abstention[key] for key in ("person_threshold", "joint_threshold", "wanted"))
    if person is None or joint is None:
        return (
            f"On the validation images, no score gave at least {wanted:.0%} right people or joints, so "
            "`humotion predict` draws nobody."
        )
    who = f"people with a score of at least {person:.3f}, and their" if person else "all people, and their"
    shares = [
        f"{abstention[name]:,} {name}" + ("" if right is None else f", of which {right:.1%} are right")
        for name in ("people", "joints")
        for right in [abstention[f"right_{name}"]]
    ]
    return (
        f"`humotion predict` draws {who} joints with a score of at least {joint:.3f}. On the validation images, at "
        f"least {wanted:.0%} of them are right (OKS 0.5; PCK@0.2 by box). On the test images these are "
        f"{' and '.join(shares)}."
    )

"""Write report.md of a dataset: the numbers in words and tables, and the figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from humotion.exploration.duplicates import MOST_LISTED, MOST_SHOWN
from humotion.exploration.hashes import NUM_BITS
from humotion.exploration.measures import LOGARITHMIC, MEASURES, UNUSUAL, robust_z
from humotion.figures.tables import markdown_table
from humotion.files import atomic_path

MOST_ROWS = 50
MOST_RATES = 8


def write_report(
    folder: Path, dataset: str, videos: pd.DataFrame, statistics: pd.DataFrame, summary: dict[str, Any]
) -> None:
    """Write ``report.md`` and, if something is wrong with a video, ``problems.csv``."""
    problems = videos.loc[videos["status"] != "ok", ["video_id", "label", "status", "num_frames", "error"]]
    if len(problems):
        problems.to_csv(folder / "problems.csv", index=False)
    sections = [
        f"# {dataset}",
        _overview(statistics, summary),
        "## What could not be read",
        _problems(problems),
        "## Classes and splits",
        _splits(summary["splits"]),
        *[_figure(path) for path in sorted(folder.glob("classes_*.png"))],
        "## Near-duplicates",
        _near_duplicates(summary["near_duplicates"]),
        *([_figure(folder / "near_duplicates.jpg")] if (folder / "near_duplicates.jpg").exists() else []),
        "## Examples",
        "The middle frame of a video of median length per class"
        + (", with its labelled joints." if (folder / "joints.png").exists() else "."),
        _figure(folder / "examples.jpg"),
        *([_figure(folder / "joints.png")] if (folder / "joints.png").exists() else []),
        "## Lengths, sizes, light and colour",
        "Measured on three stored frames per video, before any augmentation. Sharpness is the variance of "
        "the Laplacian; it is low if a frame is blurred.",
        _quantiles(statistics),
        *[_figure(folder / f"{name}.png") for name in ("by_split", "by_class", "colours", "sizes")],
        "## Outliers",
        f"z is the robust z-score, from the median and the median absolute deviation (of the logarithm for "
        f"length and sharpness). A value above {UNUSUAL} or below -{UNUSUAL} is unusual.",
        _figure(folder / "outliers.jpg"),
    ]
    with atomic_path(folder / "report.md") as temporary:
        temporary.write_text("\n\n".join(section for section in sections if section) + "\n", encoding="utf-8")


def _overview(statistics: pd.DataFrame, summary: dict[str, Any]) -> str:
    seconds = (statistics["num_frames"] / statistics["fps"]).sum(min_count=1)
    timeless = int(statistics["fps"].isna().sum())
    counted = f" (without {timeless:,} videos of unknown rate)" if timeless else ""
    rates = listed_rates(statistics["fps"])
    facts = [
        ("videos with frames", f"{summary['num_videos']:,}"),
        ("frames", f"{summary['num_frames']:,}"),
        ("total length", f"{seconds / 60:,.1f} min{counted}" if pd.notna(seconds) else "unknown"),
        ("frames per second", rates or "unknown"),
        ("videos with labelled joints", f"{summary['num_videos_with_joints']:,}"),
        ("classes", summary["num_classes"]),
        (
            "largest / smallest class",
            f"{summary['largest_class']} / {summary['smallest_class']} = {summary['imbalance_ratio']:.2f}",
        ),
        ("groups (films, recordings)", f"{statistics['group'].nunique():,}"),
    ]
    return markdown_table(("", "value"), facts)


def listed_rates(fps: pd.Series) -> str:
    """The frame rates that occur, smallest first, and how many more there are."""
    rates = sorted(fps.dropna().round(2).unique())
    more = f" and {len(rates) - MOST_RATES} more" if len(rates) > MOST_RATES else ""
    return ", ".join(f"{rate:g}" for rate in rates[:MOST_RATES]) + more


def _problems(problems: pd.DataFrame) -> str:
    if problems.empty:
        return "All listed videos were read to their end."
    dropped = int((problems["status"].isin(["truncated", "damaged"]) & (problems["num_frames"] == 0)).sum())
    counts = ", ".join(f"{count} {status}" for status, count in problems["status"].value_counts().items())
    # For missing files the number says enough, so the others are listed first.
    listed = problems.sort_values("status", key=lambda status: status == "missing", kind="stable")
    shown = listed.head(MOST_ROWS).fillna("")
    rows = shown[["video_id", "status", "num_frames", "error"]].itertuples(index=False)
    table = markdown_table(("video", "status", "frames kept", "why"), rows)
    rest = f"\n\n{len(listed) - MOST_ROWS} more are in problems.csv." if len(listed) > MOST_ROWS else ""
    fate = f" {dropped} of them had whole frames and were dropped (on_damage)." if dropped else ""
    return f"{counts}; all of them are in [problems.csv](problems.csv).{fate}\n\n{table}{rest}"


def _splits(splits: dict[str, dict[str, int]]) -> str:
    if not splits:
        return "The dataset has no official split."
    header = (
        *("split", "train", "test", "unused"),
        *("groups in train and test", "of these in the same class", "test videos in such groups"),
    )
    text = (
        "A group is a source film or recording. Groups on both sides of a split are leakage in the "
        "dataset, above all within one class: a model may recognise a test video by its scene."
    )
    return f"{text}\n\n{markdown_table(header, [(name, *facts.values()) for name, facts in splits.items()])}"


def _near_duplicates(facts: dict[str, Any]) -> str:
    """The near-duplicates that were found, and what they mean for the splits."""
    text = (
        f"Pairs of videos in which a frame of one looks like a frame of the other. Three frames per video are "
        f"compared by perceptual hashes of {NUM_BITS} bits, of which at most {facts['most_bits']} differ. A pair "
        "across groups may be one recording under two names, which a split by group does not separate. In a pair on "
        "both sides of a split, training has seen the test video. Look at a pair before you judge: empty halls may "
        "look alike. Mirrored copies are not found."
    )
    if number := facts.get("num_not_compared"):
        text += f" {number:,} videos were not compared: their frames have too little contrast for a hash."
    splits = [(name, *counts.values()) for name, counts in facts["splits"].items()]
    if not facts["num_pairs_across_groups"] and not any(counts["num_pairs"] for counts in facts["splits"].values()):
        return f"{text}\n\nNo pair was found across groups or across a split."
    header = ("split", "pairs in train and test", "of these across groups", "test videos concerned")
    found = (
        f"Pairs across groups: {facts['num_pairs_across_groups']:,}. At most {MOST_LISTED:,} pairs, the closest, "
        "are in [near_duplicates.csv](near_duplicates.csv). Below is the closest pair per two groups, "
        f"at most {MOST_SHOWN} of them."
    )
    return "\n\n".join([text, found, *([markdown_table(header, splits)] if splits else [])])


def _quantiles(statistics: pd.DataFrame) -> str:
    rows = []
    for column, label in MEASURES.items():
        values = statistics[column]
        unusual = int((robust_z(values, column in LOGARITHMIC).abs() > UNUSUAL).sum())
        quantiles = [f"{value:.4g}" for value in values.quantile([0, 0.05, 0.5, 0.95, 1])]
        rows.append((label, *quantiles, unusual))
    return markdown_table(("measure", "smallest", "5 %", "median", "95 %", "largest", "unusual"), rows)


def _figure(path: Path) -> str:
    return f"![{path.stem}]({path.name})"

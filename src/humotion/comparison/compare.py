"""`humotion compare`: scores of several models on the same test clips, and which differences are more than chance.

Each difference has two intervals of a paired bootstrap. One draws clips, as if every clip were independent evidence.
The other draws groups (films, recordings), and the verdict depends on this one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from humotion.comparison.clips import left_out, read_class_scores, read_clips
from humotion.evaluation.bootstrap import BootstrapResult, paired_bootstrap
from humotion.figures.tables import markdown_table, text_table


def compare(names: Sequence[str], markdown: bool = False, num_resamples: int = 2000, seed: int = 0) -> str:
    """Return a table of scores as text, and a table of the differences of every pair (later minus earlier name).

    A name with experiments joined by ``+`` means their mean. A separate table shows the parts. It may be the only name.

    Raises:
        HumotionError: the experiments were not scored on the same clips (see `read_clips`).
    """
    clips, class_scores = read_clips(names), read_class_scores(names)
    num_parts = clips["part"].nunique()
    counts = f"{clips['clip_id'].nunique()} test clips from {clips['group'].nunique()} films or recordings"
    if num_parts > 1:
        counts += f"; scores are means of {num_parts} experiments"
    if absent := left_out(names, clips):
        counts += f"; not all experiments have {', '.join(absent)}"
    tabulated = [scores, part_scores] if num_parts > 1 else [scores]
    tables = [pd.concat([tabulate(part, names) for part in (clips, class_scores)]) for tabulate in tabulated]
    paragraphs = [counts, *(_table(table, markdown) for table in tables)]
    if len(names) > 1:
        about = (
            "Differences are the second model minus the first, with 95 % intervals of a paired bootstrap. The verdict "
        )
        about += "depends on the interval over groups."
        if len(class_scores):
            about += (
                f" Scores that are not means over clips ({', '.join(class_scores['metric'].unique())}) have no verdict."
            )
        paragraphs += [about, _table(differences(clips, names, num_resamples, seed), markdown)]
    return "\n\n".join(paragraphs)


def scores(clips: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The scores over all clips: one row per metric, one column per experiment or mean of experiments."""
    rows = [[metric, *_means(of_metric, names)] for metric, of_metric in clips.groupby("metric", observed=True)]
    return pd.DataFrame(rows, columns=["metric", *names])


def part_scores(clips: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The scores behind the means: one row per metric and part, in the order of the joined names."""
    rows = [
        [metric, f"{part}.", *_means(of_part, names)]
        for (metric, part), of_part in clips.groupby(["metric", "part"], observed=True)
    ]
    return pd.DataFrame(rows, columns=["metric", "part", *names])


def _means(clips: pd.DataFrame, names: Sequence[str]) -> list[str]:
    return [f"{np.average(clips[name], weights=clips['weight']):.4f}" for name in names]


def differences(clips: pd.DataFrame, names: Sequence[str], num_resamples: int, seed: int) -> pd.DataFrame:
    """The difference of every pair in every metric that can be better or worse, its two intervals, and the verdict."""
    rows = []
    for first, second in combinations(names, 2):
        for metric, of_metric in clips.groupby("metric", observed=True):
            direction = of_metric["direction"].iloc[0]
            if direction == "neither":
                continue
            over_groups, over_clips = (
                paired_bootstrap(
                    of_metric[second],
                    of_metric[first],
                    of_metric[drawn].tolist(),
                    seed,
                    num_resamples,
                    weights=of_metric["weight"],
                )
                for drawn in ("group", "clip_id")
            )
            gain = -over_groups.difference if direction == "lower" else over_groups.difference
            better = second if gain > 0 else first
            rows.append(
                [
                    metric,
                    f"{second} - {first}",
                    f"{over_groups.difference:+.4f}",
                    _interval(over_groups),
                    _interval(over_clips),
                    f"{better} is better" if over_groups.distinguishable else "not distinguishable",
                ]
            )
    return pd.DataFrame(rows, columns=["metric", "pair", "difference", "over groups", "over clips", "verdict"])


def _table(table: pd.DataFrame, markdown: bool) -> str:
    """A table in Markdown, or for the terminal with numbers aligned to the right."""
    header, rows = [str(name) for name in table.columns], table.to_numpy().tolist()
    if markdown:
        return markdown_table(header, rows)
    figures = [number for number, column in enumerate(header) if table[column].str.match(r"[+-]?\d").all()]
    return text_table(header, rows, right=figures)


def _interval(result: BootstrapResult) -> str:
    return "none: only one" if math.isnan(result.low) else f"{result.low:+.4f} to {result.high:+.4f}"

"""Bar and dot charts with one row per class or joint; they stay readable with 51 classes and long names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from humotion.figures.style import (
    BLUE,
    CYCLE,
    GREY,
    ORANGE,
    SPLIT_COLOURS,
    VERMILION,
    figure_file,
    name_rows,
    rows_height,
)


def plot_recall(path: Path, table: pd.DataFrame, title: str = "") -> None:
    """Recall of every class, best first, from a table with ``label``, ``num_clips`` and ``recall``."""
    table = table.sort_values(["recall", "label"], ascending=[False, True], na_position="last")
    recall = table["recall"].to_numpy(float)
    with figure_file(path, 7, rows_height(len(table))) as (_, grid):
        axes: Axes = grid[0, 0]
        axes.barh(range(len(table)), np.nan_to_num(recall), height=0.7, color=BLUE)
        for row, (value, count) in enumerate(zip(recall, table["num_clips"], strict=True)):
            text = f"{value:.0%} of {count}" if count else "no clips"
            axes.text(1.02, row, text, va="center", fontsize=7.5, color="#333333")
        mean = np.nanmean(recall)
        axes.axvline(mean, color=VERMILION, linewidth=1.2, linestyle="--", label=f"mean of classes {mean:.1%}")
        name_rows(axes, table["label"].tolist())
        axes.set(xlim=(0, 1.16), xlabel="recall", title=title)
        axes.set_xticks(np.arange(0, 1.01, 0.2))
        axes.xaxis.set_major_formatter("{x:.0%}")
        _legend_above(axes)


def plot_joint_pck(path: Path, scores: Mapping[str, Sequence[float]], joints: Sequence[str], title: str = "") -> None:
    """PCK of every joint, with one dot per entry of ``scores``: name -> one value per joint, NaN = none."""
    rows = np.arange(len(joints))
    with figure_file(path, 7, rows_height(len(joints), margin=1.3)) as (_, grid):
        axes: Axes = grid[0, 0]
        values = np.array(list(scores.values()), dtype=float)  # (curves, J)
        known = ~np.isnan(values).all(axis=0)
        lows, highs = np.nanmin(values[:, known], axis=0), np.nanmax(values[:, known], axis=0)
        axes.hlines(rows[known], lows, highs, color="#D5D5D5", linewidth=2, zorder=1)
        for (name, value), colour, marker in zip(
            scores.items(), _colours(len(scores)), cycle("osD^vP*X"), strict=False
        ):
            axes.scatter(value, rows, color=colour, marker=marker, s=34, label=name, zorder=2)
        name_rows(axes, list(joints))
        axes.set(xlim=(-0.02, 1.02), xlabel="share of joints found", title=title)
        axes.xaxis.set_major_formatter("{x:.0%}")
        _legend_above(axes)


def plot_stacked_counts(path: Path, counts: pd.DataFrame, title: str = "", unit: str = "videos") -> None:
    """Stacked counts: one row per index value of ``counts``, one colour per column (train, test, unused ...).

    Rows are in the given order. The total is at the end of each bar.
    """
    with figure_file(path, 7, rows_height(len(counts), margin=1.3)) as (_, grid):
        axes: Axes = grid[0, 0]
        _stack(axes, counts)
        totals = counts.sum(axis=1).to_numpy()
        for row, total in enumerate(totals):
            axes.text(total + 0.008 * totals.max(), row, f"{total:,}", va="center", fontsize=7.5)
        name_rows(axes, [str(name) for name in counts.index])
        axes.set(xlim=(0, 1.09 * max(totals.max(), 1)), xlabel=unit, title=title)
        if len(counts.columns) > 1:
            _legend_above(axes)


def plot_stacked_shares(path: Path, counts: pd.DataFrame, title: str = "") -> None:
    """Like `plot_stacked_counts`, but every row is scaled to 100 %."""
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    with figure_file(path, 7, rows_height(len(counts), margin=1.3)) as (_, grid):
        axes: Axes = grid[0, 0]
        _stack(axes, shares)
        name_rows(axes, [str(name) for name in counts.index])
        axes.set(xlim=(0, 1), title=title)
        axes.xaxis.set_major_formatter("{x:.0%}")
        _legend_above(axes)


def plot_change(path: Path, table: pd.DataFrame, labels: tuple[str, str], title: str = "") -> None:
    """Counts of every class before and after, as two dots on a line; the largest class before comes first.

    ``table`` has the columns label, before and after; ``labels`` name the last two.
    """
    table = table.sort_values(["before", "label"], ascending=[False, True])
    before, after = table["before"].to_numpy(), table["after"].to_numpy()
    rows, most = np.arange(len(table)), max(before.max(), after.max(), 1)
    with figure_file(path, 7, rows_height(len(table), margin=1.3)) as (_, grid):
        axes: Axes = grid[0, 0]
        axes.hlines(rows, before, after, color="#C8C8C8", linewidth=3, zorder=1)
        axes.scatter(before, rows, s=34, color=ORANGE, marker="D", label=labels[0], zorder=2)
        axes.scatter(after, rows, s=34, color=BLUE, label=labels[1], zorder=2)
        for row, (one, other) in enumerate(zip(before, after, strict=True)):
            text = f"{one:,} → {other:,}" if one != other else f"{one:,}"
            axes.text(1.02 * most, row, text, va="center", fontsize=7.5, color="#333333")
        name_rows(axes, table["label"].tolist())
        axes.set(xlim=(0, 1.2 * most), xlabel="count", title=title)
        _legend_above(axes)


def _stack(axes: Axes, values: pd.DataFrame) -> None:
    start = np.zeros(len(values))
    for name, fallback in zip(values.columns, _colours(len(values.columns)), strict=True):
        width = values[name].to_numpy(float)
        colour = SPLIT_COLOURS.get(str(name), fallback)
        axes.barh(range(len(values)), width, left=start, height=0.72, color=colour, label=str(name))
        start += width


def _colours(number: int) -> list[str]:
    return [CYCLE[index] if index < len(CYCLE) else GREY for index in range(number)]


def _legend_above(axes: Axes) -> None:
    """A legend directly above the plot, so that it never covers a bar."""
    handles, _ = axes.get_legend_handles_labels()
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=min(len(handles), 4), borderaxespad=0.2, fontsize=8)

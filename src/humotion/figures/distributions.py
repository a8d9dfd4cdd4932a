"""Distributions of a measure over videos: boxes per class, curves per split, and mean colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from humotion.figures.style import (
    BLUE,
    SPLIT_COLOURS,
    figure_file,
    log_axis,
    name_rows,
    rows_height,
    title_left,
)

FEWEST_BINS, MOST_BINS = 8, 30
CHANNELS = {"red": "#C23B22", "green": "#3A9D5D", "blue": "#2F6DB5"}


def plot_by_class(
    path: Path,
    table: pd.DataFrame,
    measures: Mapping[str, str],
    log: Sequence[str] = (),
    title: str = "",
) -> None:
    """One box per class for each of ``measures`` (column -> axis label); columns in ``log`` get a log axis.

    Boxes span the quartiles, whiskers the 5th to 95th percentile; ``table`` has a column ``label``.
    """
    classes = sorted(table["label"].unique())
    size = 1.7 + 2.3 * len(measures), rows_height(len(classes), margin=1.3)
    with figure_file(path, *size, columns=len(measures), sharey=True) as (figure, grid):
        for axes, (column, label) in zip(grid[0], measures.items(), strict=True):
            values = [table.loc[table["label"] == name, column].dropna().to_numpy() for name in classes]
            _boxes(axes, values)
            name_rows(axes, classes)
            axes.set_xlabel(label)
            if column in log and (table[column] > 0).all():
                log_axis(axes, table[column].min(), table[column].max())
        if title:
            title_left(figure, title)


def _boxes(axes: Axes, values: list[np.ndarray]) -> None:
    axes.boxplot(
        values,
        positions=range(len(values)),
        orientation="horizontal",
        whis=(5, 95),
        widths=0.6,
        patch_artist=True,
        flierprops={
            "marker": ".",
            "markersize": 2.5,
            "markerfacecolor": "#777777",
            "markeredgecolor": "none",
        },
        boxprops={"facecolor": "#A9CCE3", "edgecolor": BLUE, "linewidth": 0.8},
        medianprops={"color": "black", "linewidth": 1.3},
        whiskerprops={"color": BLUE, "linewidth": 0.8},
        capprops={"linewidth": 0},
    )


def plot_by_split(
    path: Path,
    table: pd.DataFrame,
    measures: Mapping[str, str],
    splits: pd.Series,
    log: Sequence[str] = (),
    title: str = "",
) -> None:
    """Share of videos over each measure, with one step curve per value of ``splits`` (aligned with ``table``)."""
    columns = 2 if len(measures) == 4 else min(3, len(measures))
    rows = -(-len(measures) // columns)
    with figure_file(path, 0.4 + 3.2 * columns, 0.8 + 2.3 * rows, rows, columns) as (figure, grid):
        for axes in grid.flat[len(measures) :]:
            axes.set_visible(False)
        for axes, (column, label) in zip(grid.flat, measures.items(), strict=False):
            _step_curves(axes, table[column], splits, is_log=column in log)
            axes.set_xlabel(label)
        for axes in grid[:, 0]:
            axes.set_ylabel("share of videos")
        handles, names = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper right", ncols=len(names))
        if title:
            title_left(figure, title)


def _step_curves(axes: Axes, values: pd.Series, splits: pd.Series, is_log: bool) -> None:
    known = values.dropna()
    num_bins = int(np.clip(np.sqrt(len(known)), FEWEST_BINS, MOST_BINS))
    if is_log and (known > 0).all():
        log_axis(axes, known.min(), known.max())
        bins = np.geomspace(known.min(), max(known.max(), known.min() * 1.001), num_bins + 1)
    else:
        bins = np.linspace(known.min(), max(known.max(), known.min() + 1e-3), num_bins + 1)
    for name in [name for name in SPLIT_COLOURS if (splits == name).any()]:
        part = values[splits == name].dropna()
        share, _ = np.histogram(part, bins)
        axes.stairs(
            share / max(len(part), 1),
            bins,
            color=SPLIT_COLOURS[name],
            linewidth=1.6,
            fill=False,
            label=f"{name} ({len(part):,})",
        )
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid()


def plot_colours(path: Path, table: pd.DataFrame, title: str = "") -> None:
    """Mean ``red``, ``green`` and ``blue`` (0-255) of each class, and their mixture as a swatch."""
    means = table.groupby("label")[list(CHANNELS)].mean().sort_index()
    rows = np.arange(len(means))
    size = 7, rows_height(len(means), margin=1.3)
    with figure_file(path, *size, columns=2, sharey=True, width_ratios=(1, 9)) as (_, grid):
        swatch, axes = grid[0]
        swatch.imshow(means.to_numpy()[:, None] / 255, aspect="auto")
        swatch.set_xticks([])
        swatch.spines[:].set_visible(False)
        axes.hlines(rows, means.min(axis=1), means.max(axis=1), color="#D5D5D5", linewidth=2, zorder=1)
        for (channel, colour), marker in zip(CHANNELS.items(), "o^s", strict=True):
            axes.scatter(means[channel], rows, color=colour, marker=marker, s=22, label=channel, zorder=2)
        name_rows(axes, means.index.tolist())
        name_rows(swatch, means.index.tolist())
        swatch.grid(visible=False)
        axes.set(xlabel="mean of the channel (0-255)")
        axes.set_title(title)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2, fontsize=8)

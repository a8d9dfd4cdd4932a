"""Scores with their confidence intervals, one row each, in sections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from humotion.figures.style import BLUE, GREY, VERMILION, figure_file, name_rows, rows_height


def plot_by_field(path: Path, table: pd.DataFrame, mean: float, title: str = "") -> None:
    """Accuracy with its interval for every value of every field, and the mean over all clips as a line.

    ``table`` has one row per value: ``field``, ``value``, ``num_clips``, ``top1``, ``low``, ``high``.
    """
    rows = np.arange(len(table))
    top1, low, high = (table[column].to_numpy(float) for column in ("top1", "low", "high"))
    with figure_file(path, 7, rows_height(len(table), margin=1.3)) as (_, grid):
        axes: Axes = grid[0, 0]
        axes.axvline(mean, color=VERMILION, linewidth=1.2, linestyle="--", label=f"all clips {mean:.1%}")
        axes.hlines(rows, low, high, color=BLUE, linewidth=2, alpha=0.5, label="95 % interval")
        axes.scatter(top1, rows, s=30, color=BLUE, zorder=3, label="top-1")
        for row, (value, clips) in enumerate(zip(top1, table["num_clips"], strict=True)):
            axes.text(1.02, row, f"{value:.0%} of {clips}", va="center", fontsize=7.5, color="#333333")
        fields = table["field"].to_numpy()
        for last in np.flatnonzero(fields[1:] != fields[:-1]):  # the last row of a field
            axes.axhline(last + 0.5, color=GREY, linewidth=0.6)
        name_rows(axes, [f"{field}: {value}" for field, value in zip(fields, table["value"], strict=True)])
        axes.set(xlim=(0, 1.16), xlabel="top-1", title=title)
        axes.set_xticks(np.arange(0, 1.01, 0.2))
        axes.xaxis.set_major_formatter("{x:.0%}")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2, fontsize=8)

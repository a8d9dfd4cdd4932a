"""Training curves: one panel per quantity, with training and validation in the same panel."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from humotion.figures.style import SPLIT_COLOURS, figure_file, title_left

COLUMNS = 3


def plot_curves(path: Path, epochs: pd.DataFrame, title: str = "") -> None:
    """Draw every quantity of a table with a column ``epoch`` and columns such as ``val/top1``.

    The part before the slash names the curve, and the part after it the panel. Other columns are panels
    of their own. Cells may be missing.
    """
    panels: dict[str, list[str]] = {}
    for column in epochs.columns.drop("epoch"):
        if epochs[column].notna().any():
            panels.setdefault(column.split("/", 1)[-1], []).append(column)
    columns = min(COLUMNS, max(1, len(panels)))
    rows = max(1, math.ceil(len(panels) / columns))
    with figure_file(path, 0.6 + 3.4 * columns, 0.5 + 2.5 * rows, rows, columns) as (figure, grid):
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        for axes, (quantity, names) in zip(grid.flat, panels.items(), strict=False):
            _panel(axes, epochs, quantity, names)
        if title:
            title_left(figure, title)


def _panel(axes: Axes, epochs: pd.DataFrame, quantity: str, names: list[str]) -> None:
    for name in names:
        known = epochs[["epoch", name]].dropna()
        split = name.split("/", 1)[0]
        marker = "o" if len(known) <= 30 else None
        axes.plot(
            known["epoch"],
            known[name],
            label=split,
            color=SPLIT_COLOURS.get(split, SPLIT_COLOURS["all"]),
            marker=marker,
            markersize=3,
            linewidth=1.6,
        )
    axes.set(title=quantity.replace("_", " "), xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.grid()
    if any("/" in name for name in names):
        axes.legend()

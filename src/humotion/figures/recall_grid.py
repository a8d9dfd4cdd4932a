"""Recall of every class for several heads or models, as a grid of shades."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from humotion.figures.style import SEQUENTIAL, figure_file, readable, rows_height


def plot_recall_grid(path: Path, recall: pd.DataFrame, train_clips: list[int], title: str = "") -> None:
    """One row per class (the index of ``recall``), one column per system; every cell shows its percentage.

    A class without clips is grey. ``train_clips`` are shown after the class names.
    """
    values = recall.to_numpy(float)  # (classes, systems)
    with figure_file(path, 3.2 + 0.75 * values.shape[1], rows_height(len(recall), margin=2.2)) as (figure, grid):
        axes: Axes = grid[0, 0]
        colours = mpl.colormaps[SEQUENTIAL].with_extremes(bad="#E8E8E8")
        image = axes.imshow(values, cmap=colours, vmin=0, vmax=1, aspect="auto")
        names = [f"{readable(str(name))} ({count})" for name, count in zip(recall.index, train_clips, strict=True)]
        axes.set_yticks(range(len(names)), names)
        columns = [str(name).replace("_", "\n") for name in recall.columns]
        axes.set_xticks(range(len(columns)), columns, fontsize=8)
        axes.xaxis.tick_top()
        axes.tick_params(which="both", length=0)
        axes.spines[:].set_visible(False)
        axes.set(ylabel="class (training clips)", title=title)
        for row, column in zip(*np.nonzero(~np.isnan(values)), strict=True):
            value = values[row, column]
            colour = "white" if value > 0.6 else "black"
            axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=7.5, color=colour)
        bar = figure.colorbar(image, ax=axes, aspect=30, pad=0.02, format="{x:.0%}")
        bar.set_label("recall")
        bar.outline.set_visible(False)

"""The confusion matrix: which class is predicted for which label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from numpy.typing import NDArray

from humotion.figures.style import SEQUENTIAL, figure_file, readable

MOST_CLASSES_WITH_NUMBERS = 20


def plot_confusion(path: Path, counts: NDArray[np.integer], classes: Sequence[str], title: str = "") -> None:
    """Draw counts (classes, classes), row = label, column = prediction, as shares of each row.

    Colours rise faster at small shares, so that rare confusions are visible. With at most 20 classes,
    every cell that is not empty shows its percentage. The row of a class without clips is grey.
    """
    num_classes = len(classes)
    totals = counts.sum(axis=1, keepdims=True)
    share = np.where(totals > 0, counts / np.maximum(totals, 1), np.nan)
    side = 2.6 + max(2.4, num_classes * (0.42 if num_classes <= MOST_CLASSES_WITH_NUMBERS else 0.2))
    with figure_file(path, side + 0.3, side) as (figure, grid):
        axes: Axes = grid[0, 0]
        colours = mpl.colormaps[SEQUENTIAL].with_extremes(bad="#E8E8E8")
        image = axes.imshow(share, cmap=colours, norm=PowerNorm(0.6, vmin=0, vmax=1))
        _name_cells(axes, classes)
        if num_classes <= MOST_CLASSES_WITH_NUMBERS:
            _write_shares(axes, share)
        axes.set(xlabel="predicted", ylabel="labelled", title=title)
        bar = figure.colorbar(image, ax=axes, shrink=0.5, aspect=30, pad=0.01, format="{x:.0%}")
        bar.set_label("share of the labelled class")
        bar.outline.set_visible(False)


def _name_cells(axes: Axes, classes: Sequence[str]) -> None:
    names = [readable(name) for name in classes]
    size = 9 if len(classes) <= MOST_CLASSES_WITH_NUMBERS else 7.5
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    edges = np.arange(len(names) + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color="white", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _write_shares(axes: Axes, share: NDArray[np.floating]) -> None:
    for row, column in zip(*np.nonzero(np.nan_to_num(share)), strict=True):
        value = share[row, column]
        colour = "white" if value > 0.45 else "black"
        axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=7.5, color=colour)

"""The figures of the report: new videos and training videos over each measure, and confidences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from humotion.drift.compared import LABELS, LOG, MANY, Difference, Floats, Verdict
from humotion.drift.sureness import Sureness
from humotion.figures.style import BLUE, GREY, ORANGE, VERMILION, figure_file, log_axis, readable, title_left

_COLUMNS, _MOST_MARKS = 3, 60
_FEWEST_BINS, _MOST_BINS = 8, 30


def plot_measures(path: Path, differences: Sequence[Difference], title: str, alone: bool = False) -> None:
    """Draw one panel per measure: the training as an area, new videos as a line and as marks, the verdict above.

    Args:
        path: of the picture.
        differences: of `humotion.drift.compared.compare`.
        title: over all panels.
        alone: nothing is known of the training: only new videos are drawn, and no verdict.
    """
    rows = -(-len(differences) // _COLUMNS)
    with figure_file(path, 0.4 + 3.2 * _COLUMNS, 0.9 + 2.3 * rows, rows, _COLUMNS) as (figure, grid):
        for axes in grid.flat[len(differences) :]:
            axes.set_visible(False)
        for axes, one in zip(grid.flat, differences, strict=False):
            _panel(axes, one.training, one.new, one.measure in LOG)
            axes.set_xlabel(LABELS[one.measure])
            if not alone:
                colour = VERMILION if one.verdict is Verdict.UNLIKE else GREY
                axes.set_title(one.verdict.value, color=colour, fontsize=9)
        for axes in grid[:, 0]:
            axes.set_ylabel("share of videos")
        _legend(figure, grid)
        title_left(figure, title)


def plot_sureness(path: Path, found: Sequence[tuple[str, Sureness]]) -> None:
    """Draw one panel per model: how sure it is of new videos, and of its validation clips."""
    size = 0.4 + 3.6 * max(2, len(found)), 3.2
    with figure_file(path, *size, columns=len(found)) as (figure, grid):
        for axes, (name, one) in zip(grid[0], found, strict=True):
            _panel(axes, one.validation, one.new, is_log=False, span=(0, 1), names=("validation clips", "new videos"))
            axes.set_xlabel(one.what)
            axes.set_title(readable(name), fontsize=9)
            axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        grid[0, 0].set_ylabel("share")
        _legend(figure, grid)
        title_left(figure, "How sure the models are")


def _panel(
    axes: Axes,
    known: Floats,
    new: Floats,
    is_log: bool,
    span: tuple[float, float] | None = None,
    names: tuple[str, str] = ("training", "new"),
) -> None:
    values = np.concatenate([known, new])
    if not len(values):
        axes.text(0.5, 0.5, "not known", ha="center", transform=axes.transAxes, color=GREY)
        axes.set(xticks=[], yticks=[])
        return
    bins = _bins(values, max(len(known), len(new)), is_log and bool((values > 0).all()), span, axes)
    if len(known):
        share, _ = np.histogram(known, bins)
        axes.stairs(share / len(known), bins, color=BLUE, alpha=0.35, fill=True, label=f"{names[0]} ({len(known):,})")
    if len(new) >= MANY:
        share, _ = np.histogram(new, bins)
        axes.stairs(share / len(new), bins, color=ORANGE, linewidth=1.8, label=f"{names[1]} ({len(new):,})")
    elif len(new):
        for number, value in enumerate(new):
            label = f"{names[1]} ({len(new):,})" if not number else None
            axes.axvline(value, color=ORANGE, linewidth=1.8, label=label)
    if len(new) <= _MOST_MARKS:
        axes.plot(new, np.zeros(len(new)), "|", color=VERMILION, markersize=9, clip_on=False)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid()


def _bins(values: Floats, number: int, is_log: bool, span: tuple[float, float] | None, axes: Axes) -> Floats:
    """Edges of bins over all values, and the axis that goes with them."""
    count = int(np.clip(np.sqrt(number), _FEWEST_BINS, _MOST_BINS)) if span is None else 2 * _FEWEST_BINS
    if span is not None:
        return np.linspace(*span, count + 1)
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = (low / 1.2, high * 1.2) if is_log else (low - 1, high + 1)
    if not is_log:
        return np.linspace(low, high, count + 1)
    log_axis(axes, low, high)
    return np.geomspace(low, high, count + 1)


def _legend(figure: object, grid: np.ndarray) -> None:
    """One legend for all panels, from the first that has everything."""
    handles, names = max((axes.get_legend_handles_labels() for axes in grid.flat), key=lambda pair: len(pair[0]))
    if handles:
        figure.legend(handles, names, loc="outside upper right", ncols=len(names))  # type: ignore[attr-defined]

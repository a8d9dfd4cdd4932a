"""The reliability diagram: how often predictions of a given confidence are right."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from humotion.figures.style import BLUE, GREY, VERMILION, figure_file


def plot_reliability(path: Path, table: pd.DataFrame, title: str = "") -> None:
    """Accuracy by confidence, and below it the number of clips.

    ``table`` has one row per bin (``low``, ``high``, ``num_clips``, ``confidence``, ``accuracy``). A bar below the
    diagonal means overconfidence.
    """
    width = (table["high"] - table["low"]).to_numpy(float)
    low = table["low"].to_numpy(float)
    with figure_file(path, 4.6, 5.4, rows=2, sharex=True, height_ratios=[3, 1]) as (_, grid):
        accuracy: Axes = grid[0, 0]
        clips: Axes = grid[1, 0]
        accuracy.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
        accuracy.bar(low, table["accuracy"], width, align="edge", color=BLUE, edgecolor="white", label="accuracy")
        accuracy.scatter(
            table["confidence"], table["accuracy"], s=18, color=VERMILION, zorder=3, label="at the mean confidence"
        )
        accuracy.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy", title=title)
        accuracy.legend(loc="upper left", fontsize=8)
        accuracy.grid(True)
        clips.bar(low, table["num_clips"], width, align="edge", color=GREY, edgecolor="white")
        clips.set(xlabel="confidence of the prediction", ylabel="clips")
        clips.grid(axis="y")
        accuracy.yaxis.set_major_formatter("{x:.0%}")
        clips.xaxis.set_major_formatter("{x:.0%}")

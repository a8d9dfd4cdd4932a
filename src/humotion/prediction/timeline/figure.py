"""A figure of a timeline: the probabilities of the most important actions over time, and what is said of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from humotion.figures.style import CYCLE, GREY, figure_file, readable

MOST_LINES = len(CYCLE)
_DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))  # of classes that share a colour
_WIDTH, _HEIGHT = 6.0, 3.2  # inches: readable in a narrow column


def plot_timeline(path: Path, timeline: Mapping[str, Any], classes: Sequence[str]) -> None:
    """Draw the actions of a timeline as bars above the probabilities of at most `MOST_LINES` classes over time.

    Args:
        path: path of the image.
        timeline: as `Timeline.as_dict` has it.
        classes: in the order of the model, which decides their colours, as in the bar below an annotated video.
    """
    edges = np.array(timeline["edges"])
    rows = [[np.nan] * len(classes) if one is None else [one[name] for name in classes] for one in _moments(timeline)]
    values = np.array(rows)
    shown = _most_important(values, timeline["segments"], classes)
    with figure_file(path, _WIDTH, _HEIGHT) as (_, grid):
        axes = grid[0, 0]
        for number in shown:
            line: Any = {"color": _colour(number), "lw": 1.8, "ls": _DASHES[number // len(CYCLE) % len(_DASHES)]}
            axes.stairs(values[:, number], edges, baseline=None, **line)
            axes.plot([], [], label=readable(classes[number]), **line)
        for segment in timeline["segments"]:
            number = list(classes).index(segment["label"])
            start, end = segment["start"], segment["end"]
            axes.barh(1.06, end - start, left=start, height=0.06, color=_colour(number))
        if timeline["threshold"] is not None:
            axes.axhline(timeline["threshold"], color=GREY, lw=1, ls="--", label="said from here on")
        axes.set(xlim=(edges[0], edges[-1]), ylim=(0, 1.1), xlabel="seconds", ylabel="probability")
        axes.set_yticks(np.arange(0, 1.01, 0.25))
        axes.yaxis.set_major_formatter("{x:.0%}")
        axes.grid(axis="y")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, fontsize=8)


def _moments(timeline: Mapping[str, Any]) -> Sequence[Mapping[str, float] | None]:
    found: Sequence[Mapping[str, float] | None] = timeline["probabilities"]
    return found


def _most_important(values: np.ndarray, segments: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> list[int]:
    """The classes that are said, then those with the highest probability at some moment, in the order of the model."""
    said = {list(classes).index(one["label"]) for one in segments}
    highest = np.nan_to_num(values).max(axis=0)
    ranked = sorted(range(len(classes)), key=lambda number: (number not in said, -highest[number]))
    return sorted(ranked[:MOST_LINES])


def _colour(number: int) -> str:
    return CYCLE[number % len(CYCLE)]

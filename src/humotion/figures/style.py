"""One style for every figure: size, type, colours, and one way to write a file.

Colours are those of Okabe and Ito, which colour-blind readers can distinguish. Figures are drawn without pyplot, so
no figure outlives its block or depends on a display. They contain no date: equal data gives equal bytes.
Text is text: `$5 bill $` is no mathematics, and letters that the font lacks come from another one (`fonts.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from humotion.figures.fonts import PLAIN, fonts_of
from humotion.files import atomic_path

BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, VERMILION, YELLOW, GREY = "#56B4E9", "#D55E00", "#F0E442", "#8C8C8C"
CYCLE = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILION)
SPLIT_COLOURS = {"train": BLUE, "val": GREEN, "test": ORANGE, "unused": "#C8C8C8", "all": BLUE}
SEQUENTIAL = "Blues"

ROW_HEIGHT = 0.22  # inches per class in a chart with one row per class
LONGEST_NAME = 24

STYLE: Any = {
    "font.family": PLAIN,
    "text.parse_math": False,  # class names are data
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=CYCLE),
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "xtick.color": "#555555",
    "xtick.labelcolor": "black",
    "ytick.color": "#555555",
    "ytick.labelcolor": "black",
    "savefig.dpi": 130,
}


@contextmanager
def figure_file(
    path: Path, width: float, height: float, rows: int = 1, columns: int = 1, **grid: Any
) -> Iterator[tuple[Figure, Any]]:
    """Yield a figure (inches) and its axes, an array (rows, columns); the file is written when the block ends.

    ``grid`` is passed to `Figure.subplots`. The format follows the suffix of ``path``.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure, figure.subplots(rows, columns, squeeze=False, **grid)
        metadata = {"Software": None} if path.suffix == ".png" else None
        with atomic_path(path) as temporary, fonts_of(figure):
            figure.savefig(temporary, metadata=metadata)


def readable(name: str) -> str:
    """A class or joint name for an axis: without underscores, and shortened in the middle if long."""
    name = name.replace("_", " ")
    if len(name) <= LONGEST_NAME:
        return name
    half = (LONGEST_NAME - 1) // 2
    return f"{name[:half].rstrip()}…{name[-half:].lstrip()}"


def log_axis(axes: Axes, low: float, high: float) -> None:
    """A logarithmic x axis for values between ``low`` and ``high``, with plain numbers that do not overlap."""
    axes.set_xscale("log")
    axes.set_xlim(low / 1.1, high * 1.1)
    steps = (1.0, 2.0, 5.0) if high < 20 * low else (1.0, 3.0) if high < 200 * low else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def title_left(figure: Figure, title: str) -> None:
    """A title over all panels, at the left."""
    figure.suptitle(title, fontweight="bold", fontsize=STYLE["axes.titlesize"] + 1, x=0.01, ha="left")


def rows_height(num_rows: int, margin: float = 1.1) -> float:
    """Height in inches of a chart with one row per class."""
    return margin + ROW_HEIGHT * max(num_rows, 3)


def name_rows(axes: Axes, names: list[str]) -> None:
    """Label rows 0..n-1 from top to bottom, with a light vertical grid."""
    axes.set_yticks(range(len(names)), [readable(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")

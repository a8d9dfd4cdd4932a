"""Tables of text: in Markdown for reports, and aligned for the terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_ENDLESS = 100_000  # columns: if a line is too long, the terminal wraps it


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; vertical bars in cells are escaped, line breaks become spaces."""

    def line(cells: Sequence[Any]) -> str:
        texts = (" ".join(str(cell).split()).replace("|", "\\|") for cell in cells)
        return f"| {' | '.join(texts)} |"

    return "\n".join([line(header), line(["---"] * len(header)), *map(line, rows)])


def text_table(header: Sequence[str] | None, rows: Iterable[Sequence[Any]], right: Collection[int] = ()) -> str:
    """An aligned table of plain text, two spaces between its columns.

    Args:
        header: names of the columns; None for a table without a header.
        rows: cells, written by `str`.
        right: indices of the columns that are aligned to the right, for example numbers.
    """
    lines = [[str(cell) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=header is not None, header_style="")
    for number in range(len(header if header is not None else max(lines, key=len, default=[]))):
        title = Text("" if header is None else header[number])
        table.add_column(title, justify="right" if number in right else "left", no_wrap=True)
    for cells in lines:
        table.add_row(*map(Text, cells))
    console = Console(width=_ENDLESS, color_system=None)
    with console.capture() as drawn:
        console.print(table)
    return "\n".join(line.rstrip() for line in drawn.get().splitlines())

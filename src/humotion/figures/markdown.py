"""Tables of Markdown reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; vertical bars and line breaks in cells are made harmless."""

    def line(cells: Sequence[Any]) -> str:
        texts = (" ".join(str(cell).split()).replace("|", "\\|") for cell in cells)
        return f"| {' | '.join(texts)} |"

    return "\n".join([line(header), line(["---"] * len(header)), *map(line, rows)])

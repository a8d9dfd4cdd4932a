"""JSON of long videos: rows that are made from arrays when they are needed, and written one after the other.

An hour has 100,000 frames. Its joints are 20 MB as an array, and a gigabyte as lists of numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from humotion.files import atomic_path

_INDENT = "  "


class Rows(Sequence[Any]):
    """A list of JSON values of which none is kept: a row is made when it is asked for.

    Args:
        count: number of rows.
        row: returns a row, from its number.
    """

    def __init__(self, count: int, row: Callable[[int], Any]) -> None:
        self._count, self._row = count, row

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self._row(number) for number in range(*index.indices(self._count))]
        number = index + self._count if index < 0 else index
        if not 0 <= number < self._count:
            raise IndexError(index)
        return self._row(number)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def plain(value: Any) -> Any:
    """Return a JSON value with lists in place of `Rows`, for programs that take nothing else."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | Rows):
        return [plain(item) for item in value]
    return value


def json_pieces(value: Any, indent: str = "") -> Iterator[str]:
    """Yield the text of a JSON value in pieces. Mappings and lists of them are indented; a row is one line."""
    inner = indent + _INDENT
    if isinstance(value, Mapping) and value:
        for number, (key, item) in enumerate(value.items()):
            yield f"{',' if number else '{'}\n{inner}{json.dumps(key, ensure_ascii=False)}: "
            yield from json_pieces(item, inner)
        yield f"\n{indent}}}"
    elif isinstance(value, Rows) and len(value):
        for number, row in enumerate(value):
            yield f"{',' if number else '['}\n{inner}{_line(row)}"
        yield f"\n{indent}]"
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield f"{',' if number else '['}\n{inner}"
            yield from json_pieces(item, inner)
        yield f"\n{indent}]"
    else:
        yield _line(value)


def write_rows(path: Path, value: Any) -> None:
    """Write a JSON value with `Rows` in one atomic step, without all of its text in memory.

    Raises:
        ValueError: it has NaN, which JSON does not.
    """
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(json_pieces(value))
        file.write("\n")


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=list)

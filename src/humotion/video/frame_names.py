"""The order of a folder's frames, read from their names, and where one is missing.

A name is text and numbers: ``frame (12)`` is "frame (", 12, ")". Names with the same text are a series. The number that
differs from name to name counts the frames, wherever it stands. If several numbers differ, they must be a time, or all
grow with one of them. Everything else is no order, and is refused: a wrong order would not be noticed later.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import PurePath

_DIGITS = re.compile(r"(\d+)")
_CLOCK = re.compile(r"(?<!\d)(?:[01]\d|2[0-3])([-_.:])[0-5]\d\1[0-5]\d(?!\d)|(?<!\d)(?:19|20)\d{6}[-_ T]?\d{6}")
_SECONDS = re.compile(r"\d+(\.\d+)?")
_EPOCH = 10**9
"""From this number on, a number is a time in seconds (or smaller units) since 1970, not a count."""

Key = tuple[int | Decimal, ...]


class NoOrderError(ValueError):
    """The names do not say in which order the images were taken; the text names them."""


@dataclass(frozen=True)
class FrameOrder:
    """The names in order. If ``gap`` is not None, a frame is missing before ``names[gap]``, as ``problem`` says."""

    names: tuple[str, ...]
    gap: int | None = None
    problem: str | None = None


def order_frames(names: Sequence[str], first: int | None = None) -> FrameOrder:
    """Order the names of a folder's images by their numbers.

    Numbers may start anywhere, and go up by any step: every fifth frame is a frame rate, not a gap. The usual step is
    the most frequent one. With ``first``, the numbers must be ``first``, ``first + 1`` and so on, because labels are
    aligned with frames by number. Times (clock times, decimal seconds, seconds since 1970) may be irregular.

    Raises:
        NoOrderError: several series, two images of one number, or names without numbers.
    """
    parts = [_DIGITS.split(stem) for stem in _stems(names)]
    _require_one_series(names, parts)
    numbers = [part[1::2] for part in parts]
    keys, is_time = _keys(names, numbers, parts[0][0::2] if parts else [])
    order = sorted(range(len(names)), key=lambda index: keys[index])
    ordered = tuple(names[index] for index in order)
    _require_distinct([keys[index] for index in order], ordered)
    if is_time and first is None:
        return FrameOrder(ordered)
    return _checked(ordered, [int(keys[index][0]) if keys[index] else 0 for index in order], first)


def _stems(names: Sequence[str]) -> list[str]:
    """The names without their endings; among decimal seconds, 1 is written as 1.0."""
    stems = [PurePath(name).stem.casefold() for name in names]
    is_seconds = any("." in stem for stem in stems) and all(_SECONDS.fullmatch(stem) for stem in stems)
    return [stem if "." in stem or not is_seconds else f"{stem}.0" for stem in stems]


def _require_one_series(names: Sequence[str], parts: Sequence[Sequence[str]]) -> None:
    series = Counter("*".join(part[0::2]) for part in parts)
    if len(series) < 2:
        return
    if len(series) == len(names):
        listed = ", ".join(sorted(names)[:4])
        raise NoOrderError(f"no number orders the images: {listed}{', ...' if len(names) > 4 else ''}")
    _refuse(series)


def _refuse(series: Counter[str]) -> None:
    listed = ", ".join(f"{text} ({count})" for text, count in sorted(series.items())[:6])
    raise NoOrderError(
        f"several series of images are in the folder: {listed}{', ...' if len(series) > 6 else ''}. "
        "Move all but one to other folders"
    )


def _keys(names: Sequence[str], numbers: Sequence[Sequence[str]], texts: Sequence[str]) -> tuple[list[Key], bool]:
    """A sort key per name, and whether it is a time. The key of a count is one number."""
    columns = [[int(digits) for digits in column] for column in zip(*numbers, strict=True)]
    varying = [index for index, column in enumerate(columns) if len(set(column)) > 1]
    is_clock = all(_CLOCK.search(name) for name in names)
    if decimal := _decimal_column(numbers, texts, varying):
        return [(Decimal(f"{row[decimal - 1]}.{row[decimal]}"),) for row in numbers], True
    counter = _counter(columns, varying)
    if counter is not None:
        values = columns[counter]
        return [(value,) for value in values], is_clock or min(values) >= _EPOCH
    if is_clock:
        return [tuple(column[row] for column in columns) for row in range(len(names))], True
    if varying:
        last = varying[-1]
        rows = ["*".join(_label(row, last, texts)) for row in numbers]
        _refuse(Counter(rows))
    return [(column[0],) if (column := [int(digits) for digits in row[-1:]]) else () for row in numbers], False


def _decimal_column(numbers: Sequence[Sequence[str]], texts: Sequence[str], varying: Sequence[int]) -> int | None:
    """The index of the digits after a decimal point, if the names are decimal seconds (0.96, 1.0, 1.04)."""
    last = len(texts) - 2
    if last < 1 or texts[last] != "." or not varying or not set(varying) <= {last - 1, last}:
        return None
    fractions = [row[last] for row in numbers]
    is_padded = len(set(map(len, fractions))) > 1 and any(len(digits) > 1 and digits[0] == "0" for digits in fractions)
    return last if is_padded or last - 1 in varying else None


def _counter(columns: Sequence[Sequence[int]], varying: Sequence[int]) -> int | None:
    """The number that counts: it differs in all names, and either no other number falls when it grows, or it alone
    goes up by equal steps (``0001_x17``, ``0002_x4``)."""
    if len(varying) < 2:
        return varying[0] if varying else None
    unique = [index for index in varying if len(set(columns[index])) == len(columns[index])]
    for index in reversed(unique):
        values = columns[index]
        order = sorted(range(len(values)), key=values.__getitem__)
        others = (columns[other] for other in varying if other != index)
        if all(_grows([column[row] for row in order]) for column in others):
            return index
    regular = [index for index in unique if _is_regular(sorted(columns[index]))]
    return regular[0] if len(regular) == 1 else None


def _is_regular(values: Sequence[int]) -> bool:
    return len(values) > 2 and len({other - one for one, other in pairwise(values)}) == 1


def _grows(values: Sequence[int]) -> bool:
    return all(one <= other for one, other in pairwise(values))


def _label(row: Sequence[str], counter: int, texts: Sequence[str]) -> tuple[str, str]:
    """The text of a name before and after its counting number."""
    pieces = [piece for pair in zip(texts, [*row, ""], strict=True) for piece in pair]
    return "".join(pieces[: 2 * counter + 1]), "".join(pieces[2 * counter + 2 :])


def _require_distinct(keys: Sequence[Key], names: Sequence[str]) -> None:
    for index, (one, other) in enumerate(pairwise(keys)):
        if one == other:
            raise NoOrderError(f"two images have the same number: {names[index]} and {names[index + 1]}. Keep one kind")


def _checked(names: tuple[str, ...], numbers: Sequence[int], first: int | None) -> FrameOrder:
    if first is not None and numbers and numbers[0] != first:
        return FrameOrder(names, 0, f"frame {first} is missing: the first is {names[0]}")
    steps = [other - one for one, other in pairwise(numbers)]
    if not steps:
        return FrameOrder(names)
    counts = Counter(steps)
    usual = 1 if first is not None else min(counts, key=lambda step: (-counts[step], step))
    for index, step in enumerate(steps, start=1):
        if step != usual:
            by = f" (the numbers go up by {usual})" if usual > 1 else ""
            return FrameOrder(names, index, f"the frame before {names[index]} is missing{by}")
    return FrameOrder(names)

"""One table of landmarks, as ``DataFrame.to_csv`` writes it: what is in it, or in which row and column it is wrong.

The number of a row is that of its frame: frames without a row, and rows without values, are frames in which nobody was
found.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.datasets.shared.base import LabelError
from humotion.datasets.shared.text import read_text
from humotion.errors import HumotionError
from humotion.store.blazepose import NUM_LANDMARKS

NUM_VALUES = 4
NUM_COLUMNS = NUM_LANDMARKS * NUM_VALUES
EXPECTED = [str(number) for number in range(NUM_COLUMNS)]
MOST_FRAMES_PER_ROW = 100  # a number of a frame beyond this is a typing error, not a long absence
FARTHEST = 10  # x and y are relative to the frame: on average, nobody is ten frames away from it
START, LINES, MANY = 4000, 5, 20  # bytes and lines in which a table shows, and the number of its cells in them
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", " ": "spaces"}

Floats = npt.NDArray[np.float64]


class Recording(NamedTuple):
    """The content of a file, NaN where nobody was found.

    Attributes:
        landmarks: (T, 33, 3) float32.
        visibility: (T, 33) float32.
        found: (T,) bool.
        cut_off: why the last row was left out; None if the file is whole.
    """

    landmarks: npt.NDArray[np.float32]
    visibility: npt.NDArray[np.float32]
    found: npt.NDArray[np.bool_]
    cut_off: str | None = None

    @property
    def nothing(self) -> str | None:
        """Why there is nothing to learn from it; None if somebody is found in it."""
        if self.found.any():
            return None
        if len(self.found):
            return f"nobody is found in any of its {len(self.found)} frames"
        return self.cut_off or "there are no rows in it"


def is_prose(path: Path) -> bool:
    """Whether a file has text that is no table, such as README.txt: no line of its start has many cells."""
    try:
        with path.open("rb") as stream:
            start = stream.read(START).replace(b"\0", b"")
    except OSError:  # the probe tells it
        return False
    return bool(start.strip()) and not any(map(_is_row, start.lstrip().splitlines()[:LINES]))


def _is_row(line: bytes) -> bool:
    """Whether a line has many separators near its start (a header), or many numbers anywhere."""
    if max(line[:200].count(mark) for mark in (b",", b";", b"\t")) >= MANY:
        return True
    return sum(bool(re.fullmatch(rb"-?\d+(\.\d+)?(e-?\d+)?", cell)) for cell in re.split(rb"[,;\s]+", line)) >= MANY


def read_recording(path: Path) -> Recording:
    """Read one file.

    Raises:
        LabelError: it is not such a table; the text says in which row and column. Rows count from 1, after the header.
    """
    try:
        text = read_text(path)
        _check_text(path, text)
        cells = csv.reader(io.StringIO(text, newline=""), strict=True)
        header, *rows = [row for row in cells if any(cell.strip() for cell in row)] or [[]]
    except (HumotionError, csv.Error) as error:
        raise LabelError(f"{path.name} cannot be read: {error}") from error
    if not header:
        return _recording(np.empty((0, NUM_COLUMNS), np.float32), np.empty(0, np.int64), None)
    _check_header(path, header)
    cut_off = None
    if rows and len(rows[-1]) < len(header):  # a recorder that was stopped leaves half a row
        cut_off = f"row {len(rows)}, the last one, has {len(rows[-1])} of {len(header)} cells"
        rows.pop()
    for number, row in enumerate(rows, start=1):
        if row == header:
            raise LabelError(f"{path.name}, row {number} is the header again. {_TWO_RECORDINGS}")
        if len(row) != len(header):
            raise LabelError(f"{path.name}, row {number}: {len(row)} cells, but the header has {len(header)}")
    table = _numbers(path, rows)
    return _recording(_checked(path, table[:, 1:]), _frame_numbers(path, table[:, 0]), cut_off)


_TWO_RECORDINGS = "If these are two recordings, put each in a file of its own"


def _check_text(path: Path, text: str) -> None:
    """Refuse zero bytes, which a machine that stopped leaves behind."""
    if "\0" in text:
        raise LabelError(f"{path.name} is no text: it has zero bytes. Perhaps it was not written to its end")


def _check_header(path: Path, header: list[str]) -> None:
    names = [name.strip() for name in header]
    if names[1:] == EXPECTED:
        return
    raise LabelError(
        f"{path.name}: {_wrong_in(names)}. The first line must be ',0,1,...,{NUM_COLUMNS - 1}', with commas: a column "
        f"for the number of the frame, and x, y, z, visibility of {NUM_LANDMARKS} landmarks"
    )


def _wrong_in(names: list[str]) -> str:
    """What is wrong with a header."""
    for mark, called in OTHER_SEPARATORS.items():
        if len(names) < MANY <= ",".join(names).count(mark):
            return f"its cells are separated by {called} (decimal commas must become points, too)"
    if names == EXPECTED:
        return "the first column, with the number of the frame, is missing (pandas writes it with index=True)"
    if len(names) >= MANY and all(map(_is_number, names)) and any("." in name for name in names):
        return "there is no header, its first line has values"
    if len(names) < MANY:
        return f"its first line is {','.join(names)[:40]!r}"
    if absent := [name for name in EXPECTED if name not in names[1:]]:
        return f"{_listed(absent)} missing"
    if more := [name for name in dict.fromkeys(names[1:]) if name not in EXPECTED]:
        return f"{_listed(more)} not part of such a table"
    return f"it has {len(names)} columns instead of {1 + NUM_COLUMNS}, or not in this order"


def _listed(names: list[str]) -> str:
    listed = ", ".join(name or "without a name" for name in names[:5])
    more = f" and {len(names) - 5} more" if names[5:] else ""
    return f"column {listed} is" if len(names) == 1 else f"columns {listed}{more} are"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(path: Path, rows: list[list[str]]) -> Floats:
    """All cells; an empty one is NaN."""
    filled = [[cell.strip() or "nan" for cell in row] for row in rows]
    try:
        return np.array(filled, np.float64).reshape(len(rows), 1 + NUM_COLUMNS)
    except ValueError:
        for number, row in enumerate(filled, start=1):
            for column, cell in enumerate(row):
                if not _is_number(cell):
                    where = "its first cell" if column == 0 else f"column {column - 1}"
                    hint = ". Write numbers with a point" if _is_number(cell.replace(",", ".")) else ""
                    raise LabelError(
                        f"{path.name}, row {number}, {where}: {cell[:40]!r} is no number{hint}. Leave a cell empty "
                        "where nothing is known"
                    ) from None
        raise


def _frame_numbers(path: Path, numbers: Floats) -> npt.NDArray[np.int64]:
    """The frame of each row, counted from that of the first row."""
    for row, number in enumerate(numbers, start=1):
        if not (np.isfinite(number) and number == int(number) and number >= 0):
            raise LabelError(f"{path.name}, row {row}, its first cell: {number:g} is no number of a frame")
    if not len(numbers):
        return np.empty(0, np.int64)
    frames = numbers.astype(np.int64) - int(numbers[0])
    steps = np.diff(frames)
    if (back := np.flatnonzero(steps <= 0)).size:
        row = int(back[0]) + 2
        raise LabelError(
            f"{path.name}, row {row}: the number of its frame is {numbers[row - 1]:g}, after {numbers[row - 2]:g}. "
            f"{_TWO_RECORDINGS}"
        )
    if len(steps) > 1 and steps.min() > 1:
        raise LabelError(
            f"{path.name}: the numbers of its frames rise by {steps.min()} or more from row to row, so they are no "
            "numbers of frames, but perhaps milliseconds. Number the rows 0, 1, 2, ..."
        )
    if frames[-1] >= MOST_FRAMES_PER_ROW * len(frames):
        raise LabelError(f"{path.name}: {len(frames)} rows are numbered up to {numbers[-1]:g}")
    return frames


def _checked(path: Path, values: Floats) -> npt.NDArray[np.float32]:
    """The values, if they can be landmarks."""
    if (infinite := np.argwhere(np.isinf(values))).size:
        row, column = infinite[0]
        raise LabelError(f"{path.name}, row {row + 1}, column {column}: the value is infinite")
    visibility = values[:, NUM_VALUES - 1 :: NUM_VALUES]
    if (wrong := np.argwhere((visibility < -1e-6) | (visibility > 1 + 1e-6))).size:
        row, landmark = wrong[0]
        column = NUM_VALUES * landmark + NUM_VALUES - 1
        raise LabelError(
            f"{path.name}, row {row + 1}, column {column}: {visibility[row, landmark]:g} is no visibility, which is "
            "from 0 to 1. Each landmark has x, y, z, visibility, in this order"
        )
    places = values.reshape(-1, NUM_VALUES)[:, :2]
    known = np.abs(places[np.isfinite(places)])
    if known.size and np.median(known) > FARTHEST:
        raise LabelError(
            f"{path.name}: x and y are about {np.median(known):.0f}, which may be pixels. They must be relative to "
            "width and height of the frame: from 0 to 1 inside it"
        )
    return values.astype(np.float32)


def _recording(values: npt.NDArray[np.float32], frames: npt.NDArray[np.int64], cut_off: str | None) -> Recording:
    length = int(frames[-1]) + 1 if len(frames) else 0
    whole = np.full((length, NUM_LANDMARKS, NUM_VALUES), np.nan, np.float32)
    whole[frames] = values.reshape(-1, NUM_LANDMARKS, NUM_VALUES)
    whole[np.isnan(whole).any(-1)] = np.nan  # a landmark is known with all of its values, or not
    found = np.asarray(~np.isnan(whole[..., 0]).all(1))
    return Recording(whole[..., :3].copy(), whole[..., 3].copy(), found, cut_off)

"""Recordings of landmarks without video: one text file per recording, as the MediaPipe tutorials write them.

``<class>.txt`` is the recording of a class; ``<class>/<recording>.txt`` if a class has several. A file is what
``DataFrame.to_csv`` writes: a header ``,0,1,...,131``, and one row per frame: its number, and x, y, z and visibility of
each of 33 landmarks. x and y are relative to width and height of the frame, z is in units of x.

The number of a row is that of its frame: frames without a row, and rows without values, are frames in which nobody was
found. There are no pictures, so frames are drawn: other stages can show them, and no score depends on them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.datasets.shared.base import LabelError, Layout, require_videos, unique_ids, video_table
from humotion.datasets.shared.text import read_text
from humotion.errors import HumotionError
from humotion.store.blazepose import NUM_LANDMARKS
from humotion.store.blazepose import SKELETON as BLAZEPOSE
from humotion.video.decoded import Decoded, Picture
from humotion.video.probe import Probe

SUFFIX = ".txt"
WIDTH, HEIGHT = 320, 240  # of the drawn frames: the shape of a webcam's, because a recording does not tell its own
NUM_VALUES = 4
NUM_COLUMNS = NUM_LANDMARKS * NUM_VALUES
MOST_FRAMES_PER_ROW = 100  # a number of a frame beyond this is a typing error, not a long absence
SMALLEST_HEADER, MANY = 200, 20  # the first bytes of a table, and the number of its separators in them
BACKGROUND, BONES, DOTS = (40, 40, 40), (170, 170, 170), (240, 240, 240)


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


class Landmarks(Layout):
    """Text files below a root; the layer ``labels`` of the dataset has their landmarks."""

    origin = f"one file <class>{SUFFIX} per class, or a folder <class> with a {SUFFIX} file per recording"
    array_joints = BLAZEPOSE

    def list_videos(self) -> pd.DataFrame:
        """All recordings; ``split_1`` is null for all of them, so that sampling makes a split."""
        paths = [path for path in self.tree.files if path.lower().endswith(SUFFIX) and path.count("/") <= 1]
        paths = [path for path in paths if not is_prose(self.root / path)]
        rows: list[dict[str, Any]] = [
            {"video_id": video_id, "path": path, "label": class_of(path), "group": video_id}
            for path, video_id in zip(paths, unique_ids(paths), strict=True)
        ]
        require_videos(rows, self)
        self.notes.append("the recordings have no pictures: frames are drawings of their landmarks")
        return video_table(rows, ["split_1"], (row["label"] for row in rows))

    def own_probe(self, path: Path) -> Probe:
        """What is in the file; a bad one has the status "corrupt", "empty" or "truncated", and the row and column."""
        try:
            recording = read_recording(path)
        except LabelError as error:
            return Probe("corrupt", str(error))
        status = "truncated" if recording.cut_off else "ok"
        if not len(recording.found):
            return Probe("empty", "there are no rows in it")
        return Probe(status, recording.cut_off, "landmarks", None, None, WIDTH, HEIGHT, len(recording.found), False)

    def own_frames(self, path: Path) -> Decoded:
        """Drawings of the landmarks."""
        return drawn_frames(path)

    def own_arrays(self, path: Path) -> dict[str, npt.NDArray[Any]]:
        """See `arrays_of`."""
        return arrays_of(path)


def is_recording(path: Path) -> bool:
    """Whether a file has landmarks instead of pictures, by its name and its first line."""
    return path.suffix.lower() == SUFFIX and path.is_file() and not is_prose(path)


def drawn_frames(path: Path) -> Decoded:
    """Drawings of the landmarks in a file, one per frame; never raises for a bad file."""
    decoded = Decoded("drawn")
    decoded.start(_pictures(path, decoded))
    return decoded


def arrays_of(path: Path) -> dict[str, npt.NDArray[Any]]:
    """``landmarks`` (1, T, 33, 3), ``visibility`` (1, T, 33), ``found`` (1, T), as the tool blazepose has them.

    Raises:
        LabelError: see `read_recording`.
    """
    recording = read_recording(path)
    arrays = {"landmarks": recording.landmarks, "visibility": recording.visibility, "found": recording.found}
    return {name: array[None] for name, array in arrays.items()}


def class_of(path: str) -> str:
    """The class of a recording by its path below the root."""
    folder, _, name = path.rpartition("/")
    return folder or name[: -len(SUFFIX)]


def is_prose(path: Path) -> bool:
    """Whether a file is about the recordings, such as README.txt: it has text, but does not start with a table."""
    try:
        with path.open("rb") as stream:
            start = stream.read(SMALLEST_HEADER).replace(b"\0", b"")
    except OSError:  # the probe tells it
        return False
    line = start.lstrip().partition(b"\n")[0]
    return bool(start.strip()) and max(line.count(mark) for mark in (b",", b";", b"\t")) < MANY


def read_recording(path: Path) -> Recording:
    """Read one file.

    Raises:
        LabelError: it is not such a table; the text says in which row and column. Rows count from 1, after the header.
    """
    try:
        text = read_text(path)
        header, *rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row] or [[]]
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
        if len(row) != len(header):
            raise LabelError(f"{path.name}, row {number}: {len(row)} cells, but the header has {len(header)}")
    table = _numbers(path, rows)
    return _recording(_checked(path, table[:, 1:]), _frame_numbers(path, table[:, 0]), cut_off)


def _check_header(path: Path, header: list[str]) -> None:
    names = [name.strip() for name in header]
    expected = ["", *map(str, range(NUM_COLUMNS))]
    if names == expected:
        return
    if absent := [name for name in expected[1:] if name not in names[1:]]:
        listed = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if absent[5:] else "")
        said = f"column {listed} is missing" if len(absent) == 1 else f"columns {listed} are missing"
    else:
        said = f"it has {len(names)} columns"
    raise LabelError(
        f"{path.name}: {said}. The first line must be ',0,1,...,{NUM_COLUMNS - 1}', with commas: a column for the "
        f"number of the frame, and x, y, z, visibility of {NUM_LANDMARKS} landmarks"
    )


def _numbers(path: Path, rows: list[list[str]]) -> npt.NDArray[np.float64]:
    """All cells; an empty one is NaN."""
    filled = [[cell or "nan" for cell in row] for row in rows]
    try:
        return np.array(filled, np.float64).reshape(len(rows), 1 + NUM_COLUMNS)
    except ValueError:
        for number, row in enumerate(filled, start=1):
            for column, cell in enumerate(row):
                try:
                    float(cell)
                except ValueError:
                    where = "its first cell" if column == 0 else f"column {column - 1}"
                    raise LabelError(f"{path.name}, row {number}, {where}: {cell[:40]!r} is no number") from None
        raise


def _frame_numbers(path: Path, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The frame of each row, counted from that of the first row."""
    for row, number in enumerate(numbers, start=1):
        if not (np.isfinite(number) and number == int(number) and number >= 0):
            raise LabelError(f"{path.name}, row {row}, its first cell: {number:g} is no number of a frame")
    if not len(numbers):
        return np.empty(0, np.int64)
    frames = numbers.astype(np.int64) - int(numbers[0])
    if (back := np.flatnonzero(np.diff(frames) <= 0)).size:
        row = int(back[0]) + 2
        raise LabelError(
            f"{path.name}, row {row}: the number of its frame is {numbers[row - 1]:g}, after {numbers[row - 2]:g}. If "
            "these are two recordings, put each in a file of its own"
        )
    if frames[-1] >= MOST_FRAMES_PER_ROW * len(frames):
        raise LabelError(f"{path.name}: {len(frames)} rows are numbered up to {numbers[-1]:g}")
    return frames


def _checked(path: Path, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
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
    return values.astype(np.float32)


def _recording(values: npt.NDArray[np.float32], frames: npt.NDArray[np.int64], cut_off: str | None) -> Recording:
    length = int(frames[-1]) + 1 if len(frames) else 0
    whole = np.full((length, NUM_LANDMARKS, NUM_VALUES), np.nan, np.float32)
    whole[frames] = values.reshape(-1, NUM_LANDMARKS, NUM_VALUES)
    whole[np.isnan(whole).any(-1)] = np.nan  # a landmark is known with all of its values, or not
    found = np.asarray(~np.isnan(whole[..., 0]).all(1))
    return Recording(whole[..., :3].copy(), whole[..., 3].copy(), found, cut_off)


def _pictures(path: Path, decoded: Decoded) -> Iterator[Picture]:
    try:
        recording = read_recording(path)
    except LabelError as error:
        decoded.fail(str(error))
        return
    for points in recording.landmarks:
        yield Picture(drawing(points))
    if recording.cut_off:
        decoded.fail(recording.cut_off)


def drawing(landmarks: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """A picture (HEIGHT, WIDTH, 3) of landmarks (33, 3); those that are NaN are left out."""
    picture = np.full((HEIGHT, WIDTH, 3), BACKGROUND, np.uint8)
    known = np.isfinite(landmarks).all(1)
    far = 4 * WIDTH  # landmarks may be far outside, where OpenCV's integers end
    places = np.clip(np.nan_to_num(landmarks[:, :2]) * [WIDTH, HEIGHT], -far, far).round().astype(int).tolist()
    for one, other in BLAZEPOSE.edges:
        if known[one] and known[other]:
            cv2.line(picture, places[one], places[other], BONES, 2, cv2.LINE_AA)
    for joint in np.flatnonzero(known):
        cv2.circle(picture, places[joint], 2, DOTS, -1, cv2.LINE_AA)
    return picture

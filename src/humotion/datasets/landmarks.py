"""Recordings of landmarks without video: one text file per recording, as the MediaPipe tutorials write them.

``<class>.txt`` is the recording of a class; ``<class>/<recording>.txt`` if a class has several. A file is what
``DataFrame.to_csv`` writes: a header ``,0,1,...,131``, and one row per frame: its number, and x, y, z and visibility of
each of 33 landmarks. x and y are relative to width and height of the frame, z is in units of x.

The number of a row is that of its frame: frames without a row, and rows without values, are frames in which nobody was
found. There are no pictures, so frames are drawn: other stages can show them, and no score depends on them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.datasets.shared.base import LabelError, Layout, require_videos, unique_ids, video_table
from humotion.datasets.shared.landmark_table import is_prose, read_recording
from humotion.store.blazepose import SKELETON as BLAZEPOSE
from humotion.video.decoded import Decoded, Picture
from humotion.video.listing import printable
from humotion.video.probe import Probe

SUFFIX = ".txt"
WIDTH, HEIGHT = 320, 240  # of the drawn frames: the shape of a webcam's, because a recording does not tell its own
TABLES = (SUFFIX, ".csv", ".tsv")  # endings of files in which one may have meant a recording
BACKGROUND, BONES, DOTS = (40, 40, 40), (170, 170, 170), (240, 240, 240)


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
        self.notes += [*_numbered(paths), *self._overlooked(paths)]
        return video_table(rows, ["split_1"], (row["label"] for row in rows))

    def _overlooked(self, paths: Sequence[str]) -> list[str]:
        """A sentence about tables that are no recordings here, because of their names or places."""
        others = [path for path in self.tree.files if path.lower().endswith(TABLES) and path not in set(paths)]
        if not (tables := [path for path in others if not is_prose(self.root / path)]):
            return []
        shown = ", ".join(map(printable, tables[:5])) + (", ..." if tables[5:] else "")
        return [f"{len(tables)} tables are not used: {shown}. Expected is {self.origin}"]

    def own_probe(self, path: Path) -> Probe:
        """What is in the file; a bad one has the status "corrupt", "empty" or "truncated", and the row and column.

        A recording in which nobody is found is "empty": its class could not be learnt from it.
        """
        try:
            recording = read_recording(path)
        except LabelError as error:
            return Probe("corrupt", str(error))
        status = "truncated" if recording.cut_off else "ok"
        if recording.nothing:
            return Probe("empty", recording.nothing)
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


def _numbered(paths: Sequence[str]) -> list[str]:
    """A sentence about classes whose names differ in a number alone, which may be recordings of one class."""
    series = defaultdict(list)
    for name in (path[: -len(SUFFIX)] for path in paths if "/" not in path):
        if match := re.fullmatch(r"(.*[^\W\d_])[\W_]*\d+\W*", name):
            series[match[1]].append(name)
    return [
        f"{', '.join(map(printable, names[:5]))}{', ...' if names[5:] else ''} count as {len(names)} classes. If they "
        f"are recordings of one class, move them into a folder: {printable(one)}/"
        for one, names in series.items()
        if len(names) > 1
    ]


def _pictures(path: Path, decoded: Decoded) -> Iterator[Picture]:
    try:
        recording = read_recording(path)
    except LabelError as error:
        decoded.fail(str(error))
        return
    if recording.nothing:
        decoded.fail(recording.nothing, status="empty")
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

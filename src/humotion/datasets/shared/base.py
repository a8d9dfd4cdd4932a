"""The base class of dataset layouts, and the helpers that layouts share.

A layout turns one dataset's folders and annotation files into a table of facts and, for pose, into
labels per video. A damaged annotation becomes a row with a status; it never stops the reading.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.datasets.shared.mat import MatError, load_mat
from humotion.errors import HumotionError
from humotion.store.skeleton import Skeleton

FIELD = "field_"
"""The prefix of a dataset's own columns."""

UNLABELLED = -1
"""The ``label_id`` of a video whose label could not be read."""


class LabelError(ValueError):
    """An annotation file that cannot be used; the text names the file and the error."""


@dataclass(frozen=True)
class PoseLabels:
    """Pose labels of P persons in T frames, in 0-based pixels of the original frames, pixel centres at integers.

    ``joints`` (P, T, J, D) float32, x and y first; ``visibility`` (P, T, J) uint8 COCO flags (0 position unknown,
    1 occluded, 2 visible); ``boxes`` (P, T, 4) float32 x1 y1 x2 y2 around each person.
    """

    joints: npt.NDArray[np.float32]
    visibility: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]

    @classmethod
    def of_one(
        cls, joints: npt.NDArray[np.float32], visibility: npt.NDArray[np.uint8], boxes: npt.NDArray[np.float32]
    ) -> PoseLabels:
        """The labels of a video with one person: joints (T, J, D), visibility (T, J) and boxes (T, 4)."""
        return cls(joints[None], visibility[None], boxes[None])

    @property
    def num_frames(self) -> int:
        return int(self.joints.shape[1])

    def fit_to(self, num_frames: int) -> PoseLabels:
        """The labels of the first ``num_frames`` frames.

        Frames after the last label get the last box and no known joints.
        """
        index = np.minimum(np.arange(num_frames), self.num_frames - 1)
        visibility = self.visibility[:, index]
        visibility[:, self.num_frames :] = 0
        return PoseLabels(self.joints[:, index], visibility, self.boxes[:, index])


class Layout(ABC):
    """A dataset on disk, below ``root``.

    Attributes:
        skeleton: the joint set of its pose labels, or None.
        origin: tells the user which files the root folder must contain and where to get them.
        terms: the terms of use of the videos, as far as we know; empty if we do not know them.
    """

    skeleton: ClassVar[Skeleton | None] = None
    origin: ClassVar[str] = ""
    terms: ClassVar[str] = ""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def name(self) -> str:
        """The name in params.yaml: that of the file that defines the layout."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def list_videos(self) -> pd.DataFrame:
        """One row per video, sorted by ``video_id``, with the columns of the video table before probing.

        ``video_id``, ``path`` (below the root: a video file or a folder of frame images), ``label``,
        ``label_id``, the official splits ("train", "test" or null), ``group``, the dataset's own fields
        (``field_*``), ``status``, ``error``.
        A video that only a split names gets a row with status "missing".
        """

    def pose(self, video_id: str) -> PoseLabels | None:
        """The pose labels of a video; None if it has none; raises LabelError if they are damaged."""
        return None

    def fps(self, video_id: str) -> float | None:
        """Frames per second of a video that does not state them (a folder of images); None if unknown."""
        return None


def video_table(
    rows: Iterable[dict[str, Any]], splits: Iterable[str], classes: Iterable[str], fields: Iterable[str] = ()
) -> pd.DataFrame:
    """Build the table of `Layout.list_videos` from rows without ``label_id``.

    Args:
        rows: one dict per video.
        splits: names of the official splits.
        classes: the dataset's classes; they are numbered in alphabetical order.
        fields: columns with other facts about a video in words (``field_camera``: "still"). The scores of the dataset
            are broken down by them.
    """
    columns = ["video_id", "path", "label", "label_id", *splits, "group", *fields, "status", "error"]
    numbers = {name: number for number, name in enumerate(sorted(set(classes)))}
    filled = [{**dict.fromkeys(columns), "status": "ok", **row} for row in rows]
    for row in filled:
        row["label_id"] = numbers.get(row["label"], UNLABELLED)
    table = pd.DataFrame(filled, columns=columns).sort_values("video_id", ignore_index=True)
    text = [column for column in columns if column != "label_id"]
    return table.astype({**dict.fromkeys(text, "str"), "label_id": "int64"})


def id_of(path: Path, root: Path) -> str:
    """The ``video_id`` of a file or frame folder: its path below the root, for a file without its extension."""
    relative = path.relative_to(root)
    return (relative if path.is_dir() else relative.with_suffix("")).as_posix()


def visible_entries(folder: Path) -> list[Path]:
    """The entries of a folder, sorted by name, without hidden files (archives contain ``._*`` files)."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def require_videos(rows: list[dict[str, Any]], layout: Layout) -> None:
    """Raise HumotionError if the layout finds no rows in its root folder."""
    if not rows:
        raise HumotionError(f"No videos of this dataset were found in {layout.root}. Expected in it: {layout.origin}")


def read_mat(path: Path, fields: tuple[str, ...]) -> dict[str, Any]:
    """Read fields of a MATLAB file; raises LabelError, which names a missing field."""
    try:
        content = load_mat(path, fields)
    except MatError as error:
        raise LabelError(f"{path.name} cannot be read: {error}") from error
    for field in fields:
        if field not in content:
            raise LabelError(f"{path.name} has no field '{field}'")
    return content


def complete_boxes(
    boxes: npt.NDArray[np.float32], joints: npt.NDArray[np.float32], visibility: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """Replace empty boxes (x2 <= x1 or y2 <= y1, or not finite) of (T, 4).

    The new box of a frame is the extent of its visible joints. If fewer than two are visible, it is the
    box of the nearest earlier frame, or else of the next frame that has a box.
    """
    completed = boxes.astype(np.float32)
    for t in np.flatnonzero(_is_empty(boxes)):
        seen = joints[t][visibility[t] == 2]
        completed[t] = [*seen.min(axis=0), *seen.max(axis=0)] if len(seen) else 0
    completed[_is_empty(completed)] = np.nan
    return pd.DataFrame(completed).ffill().bfill().fillna(0).to_numpy(np.float32)


def _is_empty(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    return ~((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]) & np.isfinite(boxes).all(axis=1))

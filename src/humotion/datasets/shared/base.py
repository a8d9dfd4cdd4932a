"""What every dataset layout offers, and the helpers that layouts share.

A layout turns one dataset's folders and annotation files into a table of facts and, for pose, into
labels a video. A damaged annotation becomes a row with a status; it never ends the reading.
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
"""What the names of a dataset's own columns begin with."""

UNLABELLED = -1
"""The ``label_id`` of a video whose label could not be read."""


class LabelError(ValueError):
    """An annotation file that cannot be used; the text names the file and what is wrong."""


@dataclass(frozen=True)
class PoseLabels:
    """Pose labels of P persons in T frames, in 0-based pixels of the original frames, pixel centres at integers.

    ``joints`` (P, T, J, D) float32, x and y first; ``visibility`` (P, T, J) uint8 COCO flags (0 no position known,
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
        """T."""
        return int(self.joints.shape[1])

    def fit_to(self, num_frames: int) -> PoseLabels:
        """The labels of the first ``num_frames`` frames.

        Frames beyond the last label have no known joints, and the last box.
        """
        index = np.minimum(np.arange(num_frames), self.num_frames - 1)
        visibility = self.visibility[:, index]
        visibility[:, self.num_frames :] = 0
        return PoseLabels(self.joints[:, index], visibility, self.boxes[:, index])


class Layout(ABC):
    """A dataset as it lies on disk below ``root``.

    Attributes:
        skeleton: the joint set of its pose labels, or None.
        origin: tells a user what belongs into the root folder and where to get it.
        terms: under which terms the videos stand, as far as we know; empty if we do not.
    """

    skeleton: ClassVar[Skeleton | None] = None
    origin: ClassVar[str] = ""
    terms: ClassVar[str] = ""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def name(self) -> str:
        """As params.yaml has it: the file that defines the layout."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def list_videos(self) -> pd.DataFrame:
        """One row a video, sorted by ``video_id``, with the columns of the video table before probing.

        ``video_id``, ``path`` (below the root: a video file or a folder of frame images), ``label``,
        ``label_id``, the official splits ("train", "test" or null), ``group``, the dataset's own fields
        (``field_*``), ``status``, ``error``.
        Videos that only a split names are rows with status "missing".
        """

    def pose(self, video_id: str) -> PoseLabels | None:
        """The pose labels of a video, None if it has none; raises LabelError if they are damaged."""
        return None

    def fps(self, video_id: str) -> float | None:
        """Frames a second of a video that does not say itself (a folder of images), None if unknown."""
        return None


def video_table(
    rows: Iterable[dict[str, Any]], splits: Iterable[str], classes: Iterable[str], fields: Iterable[str] = ()
) -> pd.DataFrame:
    """Build the table of `Layout.list_videos` from rows without ``label_id``.

    Args:
        rows: a map per video.
        splits: names of the official splits.
        classes: of the dataset, which are numbered in alphabetical order.
        fields: what else the dataset tells of a video in words (``field_camera``: "still"). Its scores are broken down
            by them.
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
    """The ``video_id`` of a file or frame folder: its path below the root, a file's without extension."""
    relative = path.relative_to(root)
    return (relative if path.is_dir() else relative.with_suffix("")).as_posix()


def visible_entries(folder: Path) -> list[Path]:
    """What lies in a folder, sorted by name, without hidden files (archives carry ``._*`` ones)."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def require_videos(rows: list[dict[str, Any]], layout: Layout) -> None:
    """Raise HumotionError if a root folder holds nothing that the layout knows."""
    if not rows:
        raise HumotionError(f"Nothing of this dataset is in {layout.root}. Expected there: {layout.origin}")


def read_mat(path: Path, fields: tuple[str, ...]) -> dict[str, Any]:
    """Read fields of a MATLAB file; raises LabelError that names a missing field."""
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

    A frame's box is then the extent of its visible joints; where fewer than two are visible, that
    of the nearest earlier frame, or else of the next one that has a box.
    """
    completed = boxes.astype(np.float32)
    for t in np.flatnonzero(_is_empty(boxes)):
        seen = joints[t][visibility[t] == 2]
        completed[t] = [*seen.min(axis=0), *seen.max(axis=0)] if len(seen) else 0
    completed[_is_empty(completed)] = np.nan
    return pd.DataFrame(completed).ffill().bfill().fillna(0).to_numpy(np.float32)


def _is_empty(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    return ~((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]) & np.isfinite(boxes).all(axis=1))

"""The base class of dataset layouts, and the helpers that layouts share.

A layout turns one dataset's folders and annotation files into a table of facts and, for pose, into
labels per video. A damaged annotation becomes a row with a status; it never stops the reading.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.datasets.shared.hints import Hints
from humotion.datasets.shared.mat import MatError, load_mat
from humotion.datasets.shared.tree import Tree, read_tree
from humotion.errors import HumotionError
from humotion.store.skeleton import Skeleton
from humotion.video.decoded import Decoded
from humotion.video.listing import printable
from humotion.video.listing import visible_entries as visible_entries  # layouts find it here
from humotion.video.probe import Probe

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
    1 occluded, 2 visible); ``boxes`` (P, T, 4) float32 x1 y1 x2 y2 around each person. ``changed`` counts the frames
    whose labels are not as in the file, by what was done; index.json keeps it.
    """

    joints: npt.NDArray[np.float32]
    visibility: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    changed: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of_one(
        cls,
        joints: npt.NDArray[np.float32],
        visibility: npt.NDArray[np.uint8],
        boxes: npt.NDArray[np.float32],
        changed: Mapping[str, int] | None = None,
    ) -> PoseLabels:
        """The labels of a video with one person: joints (T, J, D), visibility (T, J) and boxes (T, 4)."""
        return cls(joints[None], visibility[None], boxes[None], changed or {})

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
        return replace(self, joints=self.joints[:, index], visibility=visibility, boxes=self.boxes[:, index])


class Layout(ABC):
    """A dataset on disk, below ``root``.

    Attributes:
        skeleton: the joint set of its pose labels, or None.
        origin: tells the user which files the root folder must contain and where to get them.
        terms: the terms of use of the videos, as far as we know; empty if we do not know them.
        spare: starts of paths below the root that belong to the dataset, but that the layout does not need.
        first_frame: the number of the first image of a folder of frames, if labels are aligned with it.
        array_joints: the joint set of `own_arrays`, or None.
        used: the files below the root that `list_videos` read or needs later, apart from the videos.
        notes: sentences for the user about what `list_videos` found; index.json keeps them.
    """

    skeleton: ClassVar[Skeleton | None] = None
    origin: ClassVar[str] = ""
    terms: ClassVar[str] = ""
    spare: ClassVar[tuple[str, ...]] = ()
    first_frame: ClassVar[int | None] = None
    array_joints: ClassVar[Skeleton | None] = None

    def __init__(self, root: Path) -> None:
        self.root = root
        self.used: set[str] = set()
        self.notes: list[str] = []

    def __getstate__(self) -> dict[str, Any]:
        """Without the listing of files: workers, which get a copy, do not need it."""
        unsent: dict[str, Any] = {"used": set(), "notes": []}
        return {**{key: value for key, value in self.__dict__.items() if key not in ("tree", "hints")}, **unsent}

    @cached_property
    def tree(self) -> Tree:
        """All files below the root; raises HumotionError for a link to a folder, which DVC does not follow."""
        return read_tree(self.root)

    @cached_property
    def hints(self) -> Hints:
        """What was meant by paths that do not exist."""
        return Hints(self.tree)

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

    def checked_pose(self, video_id: str) -> PoseLabels | None:
        """As `pose`, but every way in which a label file can be bad is a LabelError, which becomes a row's status."""
        try:
            return self.pose(video_id)
        except LabelError:
            raise
        except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
            raise LabelError(f"the labels cannot be used: {printable(str(error)) or type(error).__name__}") from error

    def fps(self, video_id: str) -> float | None:
        """Frames per second of a video that does not state them (a folder of images); None if unknown."""
        return None

    def own_probe(self, path: Path) -> Probe | None:
        """The facts about a recording that is no video; None: it is a video file, or a folder of images."""
        return None

    def own_frames(self, path: Path) -> Decoded | None:
        """The frames of a recording that is no video; None: it is a video file, or a folder of images."""
        return None

    def own_arrays(self, path: Path) -> Mapping[str, npt.NDArray[Any]] | None:
        """Arrays for the layer ``labels``, named as a tool of ``annotation/`` names them; None: the dataset has none.

        A layout has them for all of its recordings or for none, and the same names and types for all.

        Raises:
            LabelError: the recording is damaged.
        """
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
    numbers = {name: number for number, name in enumerate(sorted({printable(name) for name in classes}))}
    filled = [_writable({**dict.fromkeys(columns), "status": "ok", **row}) for row in rows]
    for row, video_id in zip(filled, _distinct([row["video_id"] for row in filled]), strict=True):
        row["video_id"] = video_id
        row["label_id"] = numbers.get(row["label"], UNLABELLED)
    table = pd.DataFrame(filled, columns=columns).sort_values("video_id", ignore_index=True)
    text = [column for column in columns if column != "label_id"]
    return table.astype({**dict.fromkeys(text, "str"), "label_id": "int64"})


def _writable(row: dict[str, Any]) -> dict[str, Any]:
    """The row with text that a table can hold. A video whose path is not UTF-8 cannot be read by its row."""
    shown = {key: printable(value) if isinstance(value, str) else value for key, value in row.items()}
    if shown["path"] != row["path"]:
        shown["status"] = "corrupt"
        shown["error"] = (
            f"its name is not UTF-8, which tables and DVC need: {shown['path']}. Rename it, for example with "
            "convmv -f latin1 -t utf8 -r --notest"
        )
    return shown


def _distinct(ids: Sequence[str]) -> list[str]:
    """The ids, with a number behind those that another row has already."""
    counts, taken, found = Counter(ids), set(ids), []
    seen: Counter[str] = Counter()
    for video_id in ids:
        seen[video_id] += 1
        name, number = video_id, seen[video_id]
        if counts[video_id] > 1 and number > 1:
            while (name := f"{video_id} ({number})") in taken:
                number += 1
            taken.add(name)
        found.append(name)
    return found


def id_of(path: Path, root: Path) -> str:
    """The ``video_id`` of a file or frame folder: its path below the root, for a file without its extension."""
    relative = path.relative_to(root)
    return (relative if os.path.isdir(path) else relative.with_suffix("")).as_posix()  # noqa: PTH112 (never raises)


def unique_ids(paths: Sequence[str], folders: Container[str] = ()) -> list[str]:
    """The ids of videos, given by their paths below the root: without the ending if that is unique, else with it.

    clip.mp4 next to clip.avi; and clip.mp4.mkv, whose id would be clip.mp4, next to both. The name of one of the
    ``folders`` (of frames) has no ending.
    """
    ids = [path if path in folders else PurePosixPath(path).with_suffix("").as_posix() for path in paths]
    while twice := {video_id for video_id, count in Counter(ids).items() if count > 1}:
        whole = [path if video_id in twice else video_id for path, video_id in zip(paths, ids, strict=True)]
        if whole == ids:
            return ids
        ids = whole
    return ids


def require_videos(rows: Sequence[object], layout: Layout) -> None:
    """Raise HumotionError if the layout finds no rows in its root folder; the message says what is there."""
    if rows:
        return
    tree = layout.tree
    names = sorted({f"{path.partition('/')[0]}{'/' if '/' in path else ''}" for path in (*tree.files, *tree.unlisted)})
    listed = ", ".join(map(printable, names[:8])) + (", ..." if names[8:] else "")
    found = f"There are: {listed}." if names else "It is empty; if it is a mount point, is the disk mounted?"
    raise HumotionError(
        f"No videos of this dataset were found in {layout.root}. {found} Expected in it: {layout.origin}"
    )


def read_mat(path: Path, fields: tuple[str, ...]) -> dict[str, Any]:
    """Read fields of a MATLAB file; raises LabelError, which names a missing field."""
    try:
        content = load_mat(path, fields)
    except MatError as error:
        raise LabelError(f"{path.name} cannot be read: {error}") from error
    for name in fields:
        if name not in content:
            raise LabelError(f"{path.name} has no field '{name}'")
    return content

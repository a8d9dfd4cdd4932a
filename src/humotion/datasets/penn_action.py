"""Penn Action (Zhang, Zhu and Derpanis, ICCV 2013): 2,326 sequences of 15 actions, 13 joints per frame.

``frames/NNNN/NNNNNN.jpg`` and ``labels/NNNN.mat``. Known errors of the labels are handled here (counted over
all files; a test counts them again). Frame counts come from ``x``: ``nframes`` is right, but in 2,273 files it is
an 8-bit number, with which arithmetic wraps. Image sizes come from the images: visible joints of 0979, 1021, 1024
and 1032 are outside ``dimensions``. The boxes of 1154 and 1865 lack a row, and 185 boxes in 10 files have no area.
The 187,352 joints without a label have a placeholder near the origin.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.datasets.shared.base import (
    LabelError,
    Layout,
    PoseLabels,
    read_mat,
    require_videos,
    video_table,
)
from humotion.datasets.shared.boxes import boxes_for, complete_boxes
from humotion.datasets.shared.mat_values import floats_of, integer_of, text_of
from humotion.store.skeleton import skeleton_of
from humotion.video.images import image_size, list_frames

_SPLIT = {1: "train", -1: "test", 0: "test"}
_FIELDS = ("action", "pose", "x", "y", "visibility", "train", "bbox")
_PLACEHOLDER = 2.0  # absent joints have x == y <= 1.53, in 1-based pixels; no other joint has x == y < 10
PENN_ACTION_FIRST_SIDE = "r"
"""The side of the person to which the first joint of each Penn Action pair belongs: disputed, so decided here.

The dataset's README says left. Its labels say right. We measured the mean over clips of
sign(x of first - x of second), if both are labelled, over all 2,326 label files. The first shoulder is at
the image's left if ``pose`` is "front" (-0.92, 567 clips; hips -0.92, 509). It is at the image's right if
``pose`` is "back" (+0.57, 598 clips; hips +0.68, 600). Both match the right side of a person who faces the camera
or turns the back to it. The official LSTM Pose Machines code agrees with the labels. A test measures this again.
"""

_PENN_ACTION_PAIRS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_PENN_ACTION_SIDES = (PENN_ACTION_FIRST_SIDE, {"r": "l", "l": "r"}[PENN_ACTION_FIRST_SIDE])

SKELETON = skeleton_of(
    "penn_action",
    ("head", *(f"{side}_{part}" for part in _PENN_ACTION_PAIRS for side in _PENN_ACTION_SIDES)),
    (
        *(("head", "r_shoulder"), ("head", "l_shoulder"), ("r_shoulder", "l_shoulder")),
        *(("r_shoulder", "r_elbow"), ("r_elbow", "r_wrist"), ("l_shoulder", "l_elbow")),
        *(("l_elbow", "l_wrist"), ("r_shoulder", "r_hip"), ("l_shoulder", "l_hip"), ("r_hip", "l_hip")),
        *(("r_hip", "r_knee"), ("r_knee", "r_ankle"), ("l_hip", "l_knee"), ("l_knee", "l_ankle")),
    ),
    scored="visible",
)
"""Penn Action's 13 joints (Zhang, Zhu and Derpanis, ICCV 2013), in the order of its label files."""


class PennAction(Layout):
    """Penn Action below ``root``; the official split is ``split_1``, the group is the sequence."""

    skeleton = SKELETON
    origin = (
        "frames/NNNN/NNNNNN.jpg and labels/NNNN.mat, from Penn_Action.tar.gz at "
        "http://dreamdragon.github.io/PennAction/"
    )

    terms = "none known"

    first_frame = 1

    def list_videos(self) -> pd.DataFrame:
        """All sequences that have labels or frames."""
        labels = [path for path in self.tree.below("labels") if path.count("/") == 1 and path.endswith(".mat")]
        self.used |= set(labels)
        names = {path.removeprefix("labels/").removesuffix(".mat") for path in labels}
        names |= set(self.tree.children("frames"))
        rows = [self._row(name) for name in sorted(names)]
        require_videos(rows, self)
        return video_table(rows, ["split_1"], (row["label"] for row in rows if row["label"]))

    def pose(self, video_id: str) -> PoseLabels:
        """The labels of ``frames/NNNN``: known positions have flag 2 if marked visible, else 1.

        A position outside the image has flag 0: it can be neither seen nor scored.
        """
        name = Path(video_id).name
        labels = read_labels(self._label_path(name))
        size = _image_size(self.root / "frames" / name)
        return labels if size is None else hide_outside(labels, *size)

    def _label_path(self, name: str) -> Path:
        return self.root / "labels" / f"{name}.mat"

    def _row(self, name: str) -> dict[str, Any]:
        row: dict[str, Any] = {"video_id": f"frames/{name}", "path": f"frames/{name}", "group": name}
        path = self._label_path(name)
        if f"labels/{name}.mat" not in self.used:
            reason = self.tree.why_hidden("labels") or f"there is no file labels/{name}.mat"
            return {**row, "label": None, "status": "corrupt", "error": reason}
        try:
            content = read_mat(path, _FIELDS)
            label, train = text_of(content, "action", path), integer_of(content, "train", path)
            if train not in _SPLIT:
                raise LabelError(f"{path.name}: field 'train' is {train}, not 1 (training), -1 or 0 (test)")
        except LabelError as error:
            return {**row, "label": None, "status": "corrupt", "error": str(error)}
        row |= {"label": label, "split_1": _SPLIT[train]}
        if f"frames/{name}" not in self.tree.folders:
            hidden = self.tree.why_hidden("frames")
            row |= {
                "status": "corrupt" if hidden else "missing",
                "error": hidden or f"there is no folder frames/{name}",
            }
        return row


def read_labels(path: Path) -> PoseLabels:
    """Read ``labels/NNNN.mat`` and correct its known errors; raises LabelError for a damaged file."""
    content = read_mat(path, _FIELDS)
    # Some files have 8-bit positions: convert them to float before the first subtraction.
    x, y, boxes, visible = (floats_of(content, field, path) for field in ("x", "y", "bbox", "visibility"))
    seen = visible > 0
    num_joints = len(SKELETON.joints)
    for field, values in (("x", x), ("y", y), ("visibility", seen)):
        if values.ndim != 2 or values.shape != (len(x), num_joints) or not len(x):
            raise LabelError(f"{path.name}: field '{field}' has shape {values.shape}")
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not len(boxes):
        raise LabelError(f"{path.name}: field 'bbox' has shape {boxes.shape}")
    absent = (x == y) & (x < _PLACEHOLDER) | ~np.isfinite(x + y)
    visibility = np.where(absent, 0, np.where(seen, 2, 1)).astype(np.uint8)
    joints = np.where(absent[..., None], 0, np.stack([x, y], axis=-1) - 1).astype(np.float32)
    boxes, fitted = boxes_for(boxes - 1, len(x))
    boxes, completed = complete_boxes(boxes, joints, visibility)
    return PoseLabels.of_one(joints, visibility, boxes, fitted | completed)


def hide_outside(labels: PoseLabels, width: int, height: int) -> PoseLabels:
    """The labels with flag 0 for joints whose centre is outside an image of this size."""
    x, y = labels.joints[..., 0], labels.joints[..., 1]
    inside: npt.NDArray[np.bool_] = (x >= -0.5) & (y >= -0.5) & (x < width - 0.5) & (y < height - 0.5)
    visibility = np.where(inside, labels.visibility, 0).astype(np.uint8)
    return replace(labels, visibility=visibility)


def _image_size(folder: Path) -> tuple[int, int] | None:
    """Width and height of a sequence's first image; None if there is none or it cannot be read."""
    try:
        return image_size(list_frames(folder)[0].read_bytes())
    except (OSError, ValueError, IndexError):
        return None

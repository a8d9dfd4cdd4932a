"""JHMDB (Jhuang et al., ICCV 2013): HMDB51 clips trimmed to the action, with 15 joints per frame.

``ReCompress_Videos/<class>/*.avi`` or ``Rename_Images/<class>/<clip>/*.png``;
``joint_positions/<class>/<clip>/joint_positions.mat``, ``puppet_mask/<class>/<clip>/puppet_mask.mat``,
``splits`` and ``sub_splits`` (sub-JHMDB: the clips that show the full body). Every labelled
joint is scored, so all have flag 2. A person's box is the extent of the mask.
"""

from __future__ import annotations

import os
from functools import cached_property
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
from humotion.datasets.shared.clip_names import COLUMNS, facts_of, notes_on_names
from humotion.datasets.shared.clips_on_disk import clips_by_class, status_of
from humotion.datasets.shared.mat_values import floats_of, masks_of
from humotion.datasets.shared.splits import Key, SplitEntry, read_splits, split_columns, stem_of
from humotion.store.skeleton import skeleton_of
from humotion.video.listing import is_video

_VIDEOS, _IMAGES = "ReCompress_Videos", "Rename_Images"
_NO_MASKS = "no puppet_mask.mat: the box is the extent of the joints, which is smaller than that of the mask"


SKELETON = skeleton_of(
    "jhmdb",
    (
        *("neck", "belly", "face", "r_shoulder", "l_shoulder", "r_hip", "l_hip", "r_elbow", "l_elbow"),
        *("r_knee", "l_knee", "r_wrist", "l_wrist", "r_ankle", "l_ankle"),
    ),
    (
        *(("face", "neck"), ("neck", "belly"), ("neck", "r_shoulder"), ("neck", "l_shoulder")),
        *(("r_shoulder", "r_elbow"), ("r_elbow", "r_wrist"), ("l_shoulder", "l_elbow")),
        *(("l_elbow", "l_wrist"), ("belly", "r_hip"), ("belly", "l_hip")),
        *(("r_hip", "r_knee"), ("r_knee", "r_ankle"), ("l_hip", "l_knee"), ("l_knee", "l_ankle")),
    ),
    scored="labelled",
)
"""JHMDB's 15 joints (Jhuang et al., ICCV 2013), in the order of ``joint_positions.mat``."""


class JHMDB(Layout):
    """JHMDB below ``root``, read from its videos or, if there are none, from its images."""

    skeleton = SKELETON
    origin = (
        f"{_VIDEOS} or {_IMAGES}, joint_positions, puppet_mask, splits and sub_splits, from http://jhmdb.is.tue.mpg.de/"
    )

    terms = "its own; read them on its page"

    spare = ("Rename_Images/", "puppet_flow_ann/", "puppet_flow_com/", "joint_positions/", "puppet_mask/")
    first_frame = 1

    def list_videos(self) -> pd.DataFrame:
        """All clips on disk or in a split; columns ``split_k`` (all) and ``sub_split_k`` (sub-JHMDB)."""
        entries = read_splits(self, _column_of)
        splits = split_columns(entries)
        found = self._clips({label for label, _ in entries})
        entries.update({key: SplitEntry(key[0]) for key in found if key not in entries})
        rows = [self._row(key, entry, found.get(key, [])) for key, entry in entries.items()]
        require_videos(rows, self)
        self.notes += notes_on_names(rows)
        for row in rows:
            self.used.update(self._label_path(kind, row["video_id"]) for kind in ("joint_positions", "puppet_mask"))
        return video_table(rows, splits, (row["label"] for row in rows), COLUMNS)

    def pose(self, video_id: str) -> PoseLabels | None:
        """The labels of a clip; None if it has no ``joint_positions``."""
        path = self.root / self._label_path("joint_positions", video_id)
        if not os.path.exists(path):  # noqa: PTH110 (unlike Path.exists, it never raises)
            return None
        joints, visibility = read_joints(path)
        mask = self.root / self._label_path("puppet_mask", video_id)
        if not os.path.exists(mask):  # noqa: PTH110
            boxes, _ = complete_boxes(np.zeros((len(joints), 4), np.float32), joints, visibility)
            return PoseLabels.of_one(joints, visibility, boxes, {_NO_MASKS: len(joints)})
        boxes, fitted = boxes_for(read_mask_boxes(mask), len(joints))
        boxes, completed = complete_boxes(boxes, joints, visibility)
        return PoseLabels.of_one(joints, visibility, boxes, fitted | completed)

    def _label_path(self, kind: str, video_id: str) -> str:
        label, clip = Path(video_id).parts[-2:]
        return f"{kind}/{label}/{clip}/{kind}.mat"

    @cached_property
    def _footage(self) -> str:
        """The folder of the clips: the images only if there are no videos."""
        if any(map(is_video, self.tree.below(_VIDEOS))) or not self.tree.below(_IMAGES):
            return _VIDEOS
        if _VIDEOS in self.tree.folders:
            self.notes.append(f"there is no video in {_VIDEOS}, so the clips are read from {_IMAGES}")
        return _IMAGES

    def _clips(self, classes: set[str]) -> dict[Key, list[str]]:
        start = f"{self._footage}/"
        if self._footage == _VIDEOS:
            return clips_by_class(self, self.tree.below(_VIDEOS), classes, ".avi", start)
        labels = self.tree.children(_IMAGES)
        return {
            (label, stem_of(clip)): [f"{start}{label}/{clip}"]
            for label in labels
            if not classes or label in classes
            for clip in self.tree.children(f"{start}{label}")
        }

    def _row(self, key: Key, entry: SplitEntry, paths: list[str]) -> dict[str, Any]:
        label, stem = key
        ending = ".avi" if self._footage == _VIDEOS else ""
        path = paths[0] if paths else f"{self._footage}/{label}/{stem}{ending}"
        return {
            "video_id": f"{self._footage}/{label}/{stem}",
            "path": path,
            "label": label,
            **facts_of(stem, label),
            **entry.roles,
            **status_of(self, entry, path, paths),
        }


def _column_of(path: str) -> str:
    """The family of a split file: those of sub-JHMDB lie in ``sub_splits``."""
    return "sub_split" if any("sub_split" in folder.lower() for folder in path.split("/")[:-1]) else "split"


def read_joints(path: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Joints (T, 15, 2) in 0-based pixels and flags (T, 15) from ``joint_positions.mat``."""
    positions = floats_of(read_mat(path, ("pos_img",)), "pos_img", path)  # (2, J, T), 1-based
    if positions.ndim == 2:  # MATLAB drops the last axis of a single frame
        positions = positions[..., None]
    if positions.shape[:2] != (2, len(SKELETON.joints)) or not positions.shape[2]:
        raise LabelError(f"{path.name}: field 'pos_img' has shape {positions.shape}")
    joints = positions.transpose(2, 1, 0) - 1  # (T, J, 2)
    known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(joints).all(axis=-1))
    return np.where(known[..., None], joints, 0).astype(np.float32), np.where(known, 2, 0).astype(np.uint8)


def read_mask_boxes(path: Path) -> npt.NDArray[np.float32]:
    """Boxes (T, 4) of the outermost pixels of each mask. A mask without pixels has a box of zeros."""
    masks = masks_of(read_mat(path, ("part_mask",)), "part_mask", path)  # (H, W, T)
    masks = masks[..., None] if masks.ndim == 2 else masks
    if masks.ndim != 3 or not masks.size:
        raise LabelError(f"{path.name}: field 'part_mask' has shape {masks.shape}")
    columns, rows = np.asarray(masks.any(axis=0)), np.asarray(masks.any(axis=1))  # (W, T), (H, T)
    boxes = np.zeros((masks.shape[2], 4), np.float32)
    for t in np.flatnonzero(columns.sum(axis=0)):
        x, y = np.flatnonzero(columns[:, t]), np.flatnonzero(rows[:, t])
        boxes[t] = x[0], y[0], x[-1], y[-1]
    return boxes

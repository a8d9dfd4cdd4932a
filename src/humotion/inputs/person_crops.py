"""Whole videos at several scales, a few frames at a time, for multi-scale testing.

Each scale has windows of its own around the same centres, smaller for a larger scale: the person then fills
more of the crop. A long video at many scales would not fit in memory at once, so it comes in pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch.utils.data import Dataset

from humotion.clips.augment import Policy
from humotion.clips.crop import at_scale, clip_windows, crop_geometry, cut, to_crop
from humotion.clips.geometry import Turn, crop_matrices, draw, move, warp
from humotion.clips.views import Floats, Ints, Sample, as_tensor
from humotion.params.tasks.pose_estimation import PoseGeometryParams
from humotion.store.frames import FrameStore, StoredVideo
from humotion.store.skeleton import Skeleton


class ScaledPieces(Dataset[dict[str, Any]]):
    """Consecutive frames of every clip of a table in its order, as evaluation sees them, at every scale.

    Args:
        table: clips of whole videos.
        store: their frames and boxes.
        size: side of a crop in pixels.
        person_scale, pixel_scale: of the windows at scale 1 (see `clip_windows`).
        scales: each divides the side of the window.
        num_frames: at most so many in a piece.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        store: FrameStore,
        size: int,
        person_scale: float,
        pixel_scale: float | None,
        scales: tuple[float, ...],
        num_frames: int,
    ) -> None:
        self.table, self.store, self.size = table, store, size
        self.person_scale, self.pixel_scale = person_scale, pixel_scale
        self.scales, self.num_frames = scales, num_frames
        self.pieces = [
            (row, start)
            for row, indices in enumerate(table["frame_indices"])
            for start in range(0, len(indices), num_frames)
        ]

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """``frames`` (S, T, 3, size, size) uint8, scales first; ``crop`` (S, T, 3) = x0, y0, scale of each, so that
        stored_xy = crop_xy * scale + (x0, y0); ``clip_index``; ``is_first``, whether a video begins here.
        """
        row, start = self.pieces[index]
        clip = self.table.iloc[row]
        video = self.store[clip["video_id"]]
        assert video.boxes is not None
        piece = slice(start, start + self.num_frames)
        boxes = video.boxes[clip["frame_indices"]]
        plain = clip_windows(boxes, self.size, self.person_scale, self.pixel_scale)[piece]
        windows = [at_scale(plain, scale) for scale in self.scales]
        pictures = video.decode(clip["frame_indices"][piece])  # (T, H, W, 3)
        crops = np.stack(
            [
                [cut(picture, window, self.size) for picture, window in zip(pictures, of_scale, strict=True)]
                for of_scale in windows
            ]
        )
        return {
            "frames": torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 1, 4, 2, 3))),
            "crop": torch.from_numpy(np.stack([crop_geometry(of_scale, self.size) for of_scale in windows])),
            "clip_index": row,
            "is_first": start == 0,
        }


@dataclass(frozen=True)
class PoseView:
    """Crops around the person: one scale a clip, each frame centred at its own box.

    Without a policy (validation, test) visibility and boxes stay as labelled, also where they lie
    outside the crop, so that scores count every labelled joint and use the labelled box. With one,
    a joint outside the stored frame or the augmented crop has visibility 0 and boxes end at its edge;
    ``geometry`` turns and scales the clip before its crops are cut, the policy changes the crops.
    """

    size: int
    person_scale: float
    skeleton: Skeleton
    policy: Policy | None = None
    pixel_scale: float | None = None
    geometry: PoseGeometryParams | None = None

    def __call__(self, video: StoredVideo, indices: Ints, seed: int) -> Sample:
        """``frames`` (T, K, 3, size, size) uint8; ``joints`` (T, J, 2) and ``box`` (T, 4) float32 in
        pixels of those frames; ``visibility`` (T, J) uint8; ``crop`` (T, 3) = x0, y0, scale of the
        crop before augmentation: stored_xy = crop_xy * scale + (x0, y0).
        """
        assert video.joints is not None
        assert video.visibility is not None
        assert video.boxes is not None
        centre = indices[:, indices.shape[1] // 2]  # (T,)
        boxes = video.boxes[centre]
        windows = clip_windows(boxes, self.size, self.person_scale, self.pixel_scale)  # (T, 3)
        crop = crop_geometry(windows, self.size)
        joints, visibility = video.joints[centre], video.visibility[centre]
        quads = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)  # the corners, round about
        turn = draw(self.geometry or PoseGeometryParams(), seed)
        if self.geometry is None:
            frames, inverse = _cut_distinct(video, indices, windows, partial(cut, size=self.size))
            places = to_crop(np.concatenate([joints, quads], axis=1), crop)
        else:
            matrices = self._matrices(boxes, windows, turn)
            frames, inverse = _cut_distinct(video, indices, matrices.reshape(-1, 6), partial(warp, size=self.size))
            places = move(np.concatenate([joints, quads], axis=1), matrices)
        if self.policy is not None:
            visibility = np.where(_within(joints, video.width, video.height), visibility, 0)
            frames, places, visibility = self._augment(frames, places, visibility, turn.mirrored, seed)
        joints, quads = np.split(places, [joints.shape[1]], axis=1)
        corners = np.stack([quads.min(axis=1), quads.max(axis=1)], axis=1)  # (T, 2, 2)
        if self.policy is not None:
            corners = np.clip(corners, -0.5, self.size - 0.5)
        return {
            "frames": as_tensor(frames, inverse),
            "joints": torch.from_numpy(np.nan_to_num(joints)),
            "visibility": torch.from_numpy(visibility),
            "box": torch.from_numpy(corners.reshape(-1, 4)),
            "crop": torch.from_numpy(crop),
        }

    def _matrices(self, boxes: Floats, windows: Ints, turn: Turn) -> npt.NDArray[np.float64]:
        """From stored frames to crops (T, 2, 3); ``pixel_scale`` comes before the turn, and fitting after it."""
        scale = self.size / float(windows[0, 2]) if self.pixel_scale is None else self.pixel_scale
        return crop_matrices(boxes, self.size, scale, turn, fit=self.pixel_scale is not None)

    def _augment(
        self,
        frames: npt.NDArray[np.uint8],
        places: Floats,
        visibility: npt.NDArray[np.uint8],
        mirrored: bool,
        seed: int,
    ) -> tuple[npt.NDArray[np.uint8], Floats, npt.NDArray[np.uint8]]:
        """Frames, places (T, J+4, 2) of joints and box corners, and visibility (T, J), by the policy."""
        assert self.policy is not None
        frames, points, mirrored_again = self.policy.augment_pose(frames, places.reshape(-1, 2), seed)
        places = points.reshape(places.shape)
        if mirrored != mirrored_again:
            flip = list(self.skeleton.flip)
            places[:, : len(flip)], visibility = places[:, flip], visibility[:, flip]
        inside = _within(places[:, : visibility.shape[1]], self.size, self.size)
        return frames, places, np.where(inside, visibility, 0)


def _within(points: Floats, width: int, height: int) -> npt.NDArray[np.bool_]:
    """Which points (..., 2) lie on a picture."""
    return np.asarray(((points >= -0.5) & (points < np.array([width - 0.5, height - 0.5]))).all(-1))


def _cut_distinct(
    video: StoredVideo,
    indices: Ints,
    crops: npt.NDArray[Any],
    cut_one: Callable[[npt.NDArray[np.uint8], npt.NDArray[Any]], npt.NDArray[np.uint8]],
) -> tuple[npt.NDArray[np.uint8], Ints]:
    """Cut each distinct pair of frame and crop (a row of (T, n)) once: pictures (U, S, S, 3) and where they go."""
    wanted = np.column_stack([indices.reshape(-1), np.repeat(crops, indices.shape[1], axis=0)])  # (T * K, 1 + n)
    distinct, inverse = np.unique(wanted, axis=0, return_inverse=True)
    # One frame at a time: a whole test video at full size would not fit in memory beside its crops.
    pictures = [cut_one(video.decode(row[:1].astype(np.int64))[0], row[1:]) for row in distinct]
    return np.stack(pictures), inverse.reshape(indices.shape)

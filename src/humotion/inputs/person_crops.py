"""Crops around one person, who has labelled joints in every frame. The box is labelled, too, or the layer's.

There are four coordinate systems. Labels are in pixels of the *stored frame*. A *window* (left, top, side) is a square
of stored pixels around the person of a frame, and all windows of a clip have the same side. The *crop* is a window
resized to ``size`` pixels; `crop_geometry` maps between the two. The policy then transforms the crop to the *augmented
crop*. A sample's joints and boxes are in pixels of the augmented crop.

A crop is made in one of two ways. Without ``augment.geometry``, a window is cut out and resized. With it, one matrix
per frame scales, rotates, mirrors and crops in one step, directly from the stored frame. So the corners of a rotated
crop show the real content instead of grey.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch.utils.data import Dataset

from humotion.clips.augment import Policy
from humotion.clips.crop import at_scale, clip_windows, crop_geometry, cut, cut_distinct, to_crop
from humotion.clips.geometry import Turn, crop_matrices, draw, move, warp
from humotion.clips.input import Floats, Ints, Sample, as_tensor
from humotion.clips.people import layer_boxes_of_labelled
from humotion.errors import HumotionError
from humotion.params.experiment import AugmentParams
from humotion.params.inputs import GeometryParams, PersonCropParams
from humotion.store.frames import FrameStore, StoredVideo
from humotion.store.skeleton import Skeleton

HAS_JOINTS = True
NOBODY = "no joints"

CORNERS = [0, 1, 2, 1, 2, 3, 0, 3]
"""Indices into a box x1 y1 x2 y2: x and y of its four corners."""


def people_in(store: FrameStore, video_id: str) -> list[int]:
    """Return every person of whom a joint is known in some frame: a crop of anybody else would teach nothing."""
    visibility = store[video_id].visibility
    return [] if visibility is None else [person for person, flags in enumerate(visibility) if flags.any()]


def skeleton_of_samples(store: FrameStore) -> Skeleton | None:
    """Return the joint set of the dataset."""
    return store.skeleton


def facts(augment: AugmentParams, skeleton: Skeleton | None) -> dict[str, Any]:
    """Return the side of the frames in pixels."""
    return {"input_size": augment.size}


def make(
    augment: AugmentParams, skeleton: Skeleton | None, policy: Policy | None = None, place: float = 0.5
) -> PersonCrops:
    """See `humotion.clips.input.Input`; the crop is always around the person, so ``place`` has no effect."""
    assert isinstance(augment, PersonCropParams)
    if skeleton is None:
        raise HumotionError("The dataset has no joints, but input: person_crops needs them.")
    geometry = None if policy is None else augment.geometry
    by_layer = augment.boxes == "layer"
    return PersonCrops(augment.size, augment.person_scale, skeleton, policy, augment.pixel_scale, geometry, by_layer)


def for_prediction(preprocessing: Mapping[str, Any]) -> PersonCrops:
    """See `humotion.clips.input.Input`. It always fails: callers who know the person's boxes must cut the crops."""
    raise HumotionError("The model needs crops of a person, but a plain video has no person box for each frame.")


@dataclass(frozen=True)
class PersonCrops:
    """Crops around the person: one scale per clip, each frame centred at its own box.

    Without a policy (validation, test), visibility and boxes stay as labelled, even outside the crop. So scores count
    every labelled joint and use the labelled box. With a policy, a joint outside the stored frame or the augmented
    crop has visibility 0, and boxes end at the edge of the crop. ``geometry`` rotates and scales the clip before its
    crops are cut; the policy changes the crops. ``by_layer`` cuts around the boxes of the experiment's layer: then a
    labelled joint may lie outside the crop, and ``box`` is still the labelled one.
    """

    size: int
    person_scale: float
    skeleton: Skeleton
    policy: Policy | None = None
    pixel_scale: float | None = None
    geometry: GeometryParams | None = None
    by_layer: bool = False

    def __call__(self, video: StoredVideo, person: int, indices: Ints, seed: int) -> Sample:
        """Return ``frames`` (T, K, 3, size, size) uint8; ``joints`` (T, J, 2) and ``box`` (T, 4) float32 in
        pixels of those frames; ``visibility`` (T, J) uint8; ``crop`` (T, 3) = x0, y0, scale of the
        crop before augmentation: stored_xy = crop_xy * scale + (x0, y0).
        """
        assert video.joints is not None and video.visibility is not None and video.boxes is not None
        centre = indices[:, indices.shape[1] // 2]  # (T,)
        joints, visibility = video.joints[person, centre, :, :2], video.visibility[person, centre]
        boxes = video.boxes[person, centre]  # (T, 4)
        around = boxes_to_cut(video, person, self.by_layer)[centre]  # (T, 4)
        windows = clip_windows(around, self.size, self.person_scale, self.pixel_scale)  # (T, 3)
        turn = draw(self.geometry or GeometryParams(), seed)
        # The box corners are four additional joints: the rotated box is the extent of its rotated corners.
        points = np.concatenate([joints, boxes[:, CORNERS].reshape(-1, 4, 2)], axis=1)  # (T, J + 4, 2)
        frames, inverse, points = self._crop(video, indices, around, windows, turn, points)
        if self.policy is not None:
            visibility = np.where(_within(joints, video.width, video.height), visibility, 0)
            frames, points, visibility = self._augment(frames, points, visibility, turn.mirrored, seed)
        joints, corners = np.split(points, [joints.shape[1]], axis=1)
        box = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)  # (T, 4)
        if self.policy is not None:
            box = np.clip(box, -0.5, self.size - 0.5)
        return {
            "frames": as_tensor(frames, inverse),
            "joints": torch.from_numpy(np.nan_to_num(joints)),
            "visibility": torch.from_numpy(visibility),
            "box": torch.from_numpy(box),
            "crop": torch.from_numpy(crop_geometry(windows, self.size)),
        }

    def _crop(
        self, video: StoredVideo, indices: Ints, boxes: Floats, windows: Ints, turn: Turn, points: Floats
    ) -> tuple[npt.NDArray[np.uint8], Ints, Floats]:
        """Make crops of the stored frames, in one of the two ways that the module docstring describes.

        Returns:
            The distinct crops (U, S, S, 3), the index (T, K) of each frame's crop, and points (T, N, 2) in the crop.
        """
        if self.geometry is None:
            frames, inverse = cut_distinct(video, indices, windows, partial(cut, size=self.size))
            return frames, inverse, to_crop(points, crop_geometry(windows, self.size))
        # ``pixel_scale`` applies before the rotation, and fitting after it.
        scale = self.size / float(windows[0, 2]) if self.pixel_scale is None else self.pixel_scale
        matrices = crop_matrices(boxes, self.size, scale, turn, fit=self.pixel_scale is not None)  # (T, 2, 3)
        frames, inverse = cut_distinct(video, indices, matrices.reshape(-1, 6), partial(warp, size=self.size))
        return frames, inverse, move(points, matrices)

    def _augment(
        self,
        frames: npt.NDArray[np.uint8],
        points: Floats,
        visibility: npt.NDArray[np.uint8],
        mirrored: bool,
        seed: int,
    ) -> tuple[npt.NDArray[np.uint8], Floats, npt.NDArray[np.uint8]]:
        """Apply the policy to frames, points (T, J + 4, 2) of joints and box corners, and visibility (T, J)."""
        assert self.policy is not None
        frames, moved, mirrored_again = self.policy.augment_pose(frames, points.reshape(-1, 2), seed)
        points = moved.reshape(points.shape)
        if mirrored != mirrored_again:
            flip = list(self.skeleton.flip)
            points[:, : len(flip)], visibility = points[:, flip], visibility[:, flip]
        inside = _within(points[:, : visibility.shape[1]], self.size, self.size)
        return frames, points, np.where(inside, visibility, 0)


class ScaledPieces(Dataset[Sample]):
    """Complete clips at several scales, a few frames at a time, for multi-scale testing.

    Each scale has its own windows around the same centres. A larger scale has smaller windows, in which the person
    fills more of the crop. A long video at many scales would not fit in memory. So it is divided into pieces of
    consecutive frames, clip after clip in the order of the table, as in evaluation.

    Args:
        table: clips of complete videos.
        store: their frames and boxes.
        augment: size of a crop, and of the windows at scale 1 (see `clip_windows`).
        scales: each divides the side of the window.
        num_frames: maximum number of frames in a piece.
    """

    def __init__(
        self, table: pd.DataFrame, store: FrameStore, augment: AugmentParams, scales: tuple[float, ...], num_frames: int
    ) -> None:
        assert isinstance(augment, PersonCropParams)
        self.table, self.store, self.augment = table, store, augment
        self.scales, self.num_frames = scales, num_frames
        self.pieces = [
            (row, start)
            for row, indices in enumerate(table["frame_indices"])
            for start in range(0, len(indices), num_frames)
        ]

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, index: int) -> Sample:
        """Return ``frames`` (S, T, 3, size, size) uint8, scales first; ``crop`` (S, T, 3) = x0, y0, scale, so that
        stored_xy = crop_xy * scale + (x0, y0); ``clip_index``; ``is_first``, whether a video starts here.
        """
        row, start = self.pieces[index]
        clip, size = self.table.iloc[row], self.augment.size
        video = self.store[clip["video_id"]]
        piece = slice(start, start + self.num_frames)
        boxes = boxes_to_cut(video, clip["person"], self.augment.boxes == "layer")[clip["frame_indices"]]
        plain = clip_windows(boxes, size, self.augment.person_scale, self.augment.pixel_scale)[piece]
        windows = [at_scale(plain, scale) for scale in self.scales]
        pictures = video.decode(clip["frame_indices"][piece])  # (T, H, W, 3)
        crops = np.stack(
            [
                [cut(picture, window, size) for picture, window in zip(pictures, of_scale, strict=True)]
                for of_scale in windows
            ]
        )
        return {
            "frames": torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 1, 4, 2, 3))),
            "crop": torch.from_numpy(np.stack([crop_geometry(of_scale, size) for of_scale in windows])),
            "clip_index": row,
            "is_first": start == 0,
        }


def boxes_to_cut(video: StoredVideo, person: int, by_layer: bool) -> Floats:
    """Return the boxes (T, 4) of all frames around which a labelled person's crops are cut.

    Raises:
        HumotionError: they are the layer's, but it has no boxes.
    """
    if not by_layer:
        assert video.boxes is not None
        return np.asarray(video.boxes[person])
    if "boxes" not in video.annotation:
        raise HumotionError(
            "augment.boxes is layer, but the experiment's layer has no boxes of people. Make one (`layers:` in "
            "params.yaml), and name it in the experiment's `layer`."
        )
    return layer_boxes_of_labelled(video, person)


def _within(points: Floats, width: int, height: int) -> npt.NDArray[np.bool_]:
    """Return which points (..., 2) are inside an image."""
    return np.asarray(((points >= -0.5) & (points < np.array([width - 0.5, height - 0.5]))).all(-1))

"""What one clip looks like to a model: whole frames for actions, person-centred crops for poses.

A view decodes a clip's frames, crops them, and augments them where it has a policy. Each distinct
frame is decoded and transformed once, however often neighbours or padding repeat it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.augment import Policy
from humotion.clips.crop import clip_windows, crop_geometry, cut, evaluation_window, to_crop
from humotion.clips.geometry import Turn, crop_matrices, draw, move, warp
from humotion.data_params import PoseGeometryParams
from humotion.datasets.skeletons import SKELETONS, Skeleton
from humotion.errors import HumotionError
from humotion.params import AnyExperiment, PoseExperiment
from humotion.video.store import StoredVideo

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Sample = dict[str, Any]


class Footage(Protocol):
    """Frames of one video by index: a `StoredVideo`, or a video file decoded for prediction."""

    @property
    def width(self) -> int:
        """Pixels of a frame, across."""
        ...

    @property
    def height(self) -> int:
        """Pixels of a frame, down."""
        ...

    def decode(self, indices: Ints) -> npt.NDArray[np.uint8]:
        """RGB frames (len(indices), height, width, 3)."""
        ...


class View(Protocol):
    """Turns the frames (T, K) of a stored video into tensors; ``seed`` drives the augmentation."""

    def __call__(self, video: StoredVideo, indices: Ints, seed: int) -> Sample:
        """See `ActionView` and `PoseView`."""
        ...


def make_view(
    experiment: AnyExperiment, skeleton: str | None, policy: Policy | None = None, place: float = 0.5
) -> View:
    """The view of an experiment's task; with a policy for training, without one for evaluation.

    ``skeleton`` is the joint set of the dataset, as the meta.json of its clips names it; ``place`` is where whole
    frames are cropped (see `evaluation_window`).
    """
    size = experiment.augment.size
    if not isinstance(experiment, PoseExperiment):
        return ActionView(size, policy, place)
    if skeleton is None:
        raise HumotionError(f"Dataset {experiment.dataset!r} has no joints, which {experiment.task} needs.")
    augment = experiment.augment
    geometry = None if policy is None else augment.geometry
    return PoseView(size, augment.person_scale, SKELETONS[skeleton], policy, augment.pixel_scale, geometry)


def neighbours(frame_indices: npt.NDArray[np.int32], num_neighbours: int, num_frames: int) -> Ints:
    """Indices (T, K) of the K raw frames around each sampled one, clamped to the video.

    The sampled frame stands at K // 2.
    """
    offsets = np.arange(num_neighbours) - num_neighbours // 2
    return np.clip(frame_indices[:, None].astype(np.int64) + offsets, 0, num_frames - 1)


@dataclass(frozen=True)
class ActionView:
    """Frames of a whole clip: by the policy for training, a crop in the centre (or at ``place``) without one."""

    size: int
    policy: Policy | None = None
    place: float = 0.5

    def __call__(self, video: Footage, indices: Ints, seed: int) -> Sample:
        """``frames`` (T, K, 3, size, size) uint8."""
        distinct, inverse = np.unique(indices, return_inverse=True)
        frames = video.decode(distinct)  # (U, H, W, 3)
        if self.policy is None or not self.policy.crops_itself:
            window = evaluation_window(video.width, video.height, self.place)
            frames = np.stack([cut(frame, window, self.size) for frame in frames])
        if self.policy is not None:
            frames = self.policy.augment(frames, seed)
        return {"frames": _as_tensor(frames, inverse.reshape(indices.shape))}


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
            "frames": _as_tensor(frames, inverse),
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


def _as_tensor(frames: npt.NDArray[np.uint8], inverse: Ints) -> torch.Tensor:
    """Frames (U, S, S, 3) laid out as the (T, K, 3, S, S) that ``inverse`` (T, K) asks for."""
    channels_first = torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2)))
    chosen = channels_first.index_select(0, torch.from_numpy(inverse.reshape(-1)))  # whole frames: plain copies
    return chosen.unflatten(0, inverse.shape)

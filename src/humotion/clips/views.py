"""What one clip looks like to a model: whole frames for actions, person-centred crops for poses.

A view decodes a clip's frames, crops them, and augments them where it has a policy. Each distinct
frame is decoded and transformed once, however often neighbours or padding repeat it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.augment import Policy
from humotion.clips.crop import centre_window, crop_geometry, cut, person_windows, to_crop
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


def make_view(experiment: AnyExperiment, skeleton: str | None, policy: Policy | None = None) -> View:
    """The view of an experiment's task; with a policy for training, without one for evaluation.

    ``skeleton`` is the joint set of the dataset, as the meta.json of its clips names it.
    """
    size = experiment.augment.size
    if not isinstance(experiment, PoseExperiment):
        return ActionView(size, policy)
    if skeleton is None:
        raise HumotionError(f"Dataset {experiment.dataset!r} has no joints, which {experiment.task} needs.")
    return PoseView(size, experiment.augment.person_scale, SKELETONS[skeleton], policy)


def neighbours(frame_indices: npt.NDArray[np.int32], num_neighbours: int, num_frames: int) -> Ints:
    """Indices (T, K) of the K raw frames around each sampled one, clamped to the video.

    The sampled frame stands at K // 2.
    """
    offsets = np.arange(num_neighbours) - num_neighbours // 2
    return np.clip(frame_indices[:, None].astype(np.int64) + offsets, 0, num_frames - 1)


@dataclass(frozen=True)
class ActionView:
    """Frames of a whole clip: by the policy for training, a centre crop without one."""

    size: int
    policy: Policy | None = None

    def __call__(self, video: Footage, indices: Ints, seed: int) -> Sample:
        """``frames`` (T, K, 3, size, size) uint8."""
        distinct, inverse = np.unique(indices, return_inverse=True)
        frames = video.decode(distinct)  # (U, H, W, 3)
        if self.policy is None or not self.policy.crops_itself:
            window = centre_window(video.width, video.height)
            frames = np.stack([cut(frame, window, self.size) for frame in frames])
        if self.policy is not None:
            frames = self.policy.augment(frames, seed)
        return {"frames": _as_tensor(frames, inverse.reshape(indices.shape))}


@dataclass(frozen=True)
class PoseView:
    """Crops around the person: one scale a clip, each frame centred at its own box.

    Without a policy (validation, test) visibility and boxes stay as labelled, also where they lie
    outside the crop, so that scores count every labelled joint and use the labelled box. With one,
    a joint outside the augmented crop has visibility 0 and boxes end at its edge.
    """

    size: int
    person_scale: float
    skeleton: Skeleton
    policy: Policy | None = None

    def __call__(self, video: StoredVideo, indices: Ints, seed: int) -> Sample:
        """``frames`` (T, K, 3, size, size) uint8; ``joints`` (T, J, 2) and ``box`` (T, 4) float32 in
        pixels of those frames; ``visibility`` (T, J) uint8; ``crop`` (T, 3) = x0, y0, scale of the
        crop before augmentation: stored_xy = crop_xy * scale + (x0, y0).
        """
        assert video.joints is not None
        assert video.visibility is not None
        assert video.boxes is not None
        centre = indices[:, indices.shape[1] // 2]  # (T,)
        windows = person_windows(video.boxes[centre], self.person_scale)  # (T, 3)
        crop = crop_geometry(windows, self.size)
        joints = to_crop(video.joints[centre], crop)
        visibility = video.visibility[centre]
        corners = to_crop(video.boxes[centre].reshape(-1, 2, 2), crop)  # (T, 2, 2)
        frames, inverse = _cut_distinct(video, indices, windows, self.size)
        if self.policy is not None:
            frames, joints, visibility, corners = self._augment(frames, joints, visibility, corners, seed)
        return {
            "frames": _as_tensor(frames, inverse),
            "joints": torch.from_numpy(np.nan_to_num(joints)),
            "visibility": torch.from_numpy(visibility),
            "box": torch.from_numpy(corners.reshape(-1, 4)),
            "crop": torch.from_numpy(crop),
        }

    def _augment(
        self,
        frames: npt.NDArray[np.uint8],
        joints: Floats,
        visibility: npt.NDArray[np.uint8],
        corners: Floats,
        seed: int,
    ) -> tuple[npt.NDArray[np.uint8], Floats, npt.NDArray[np.uint8], Floats]:
        assert self.policy is not None
        (x1, y1), (x2, y2) = corners[:, 0].T, corners[:, 1].T
        quads = np.stack([np.stack([x1, x2, x2, x1], -1), np.stack([y1, y1, y2, y2], -1)], -1)  # (T, 4, 2)
        points = np.concatenate([joints.reshape(-1, 2), quads.reshape(-1, 2)])
        frames, points, mirrored = self.policy.augment_pose(frames, points, seed)
        joints, quads = points[: joints.size // 2].reshape(joints.shape), points[joints.size // 2 :]
        quads = quads.reshape(-1, 4, 2)
        if mirrored:
            flip = list(self.skeleton.flip)
            joints, visibility = joints[:, flip], visibility[:, flip]
        inside = ((joints >= -0.5) & (joints < self.size - 0.5)).all(-1)  # (T, J)
        corners = np.stack([quads.min(axis=1), quads.max(axis=1)], axis=1)
        return frames, joints, np.where(inside, visibility, 0), np.clip(corners, -0.5, self.size - 0.5)


def _cut_distinct(video: StoredVideo, indices: Ints, windows: Ints, size: int) -> tuple[npt.NDArray[np.uint8], Ints]:
    """Crop each distinct pair of frame and window once: crops (U, size, size, 3) and where they go."""
    windows_of_each = np.repeat(windows, indices.shape[1], axis=0)
    wanted = np.column_stack([indices.reshape(-1), windows_of_each])  # (T * K, 4)
    distinct, inverse = np.unique(wanted, axis=0, return_inverse=True)
    # One frame at a time: a whole test video at full size would not fit in memory beside its crops.
    crops = np.empty((len(distinct), size, size, 3), np.uint8)
    for position, (index, *window) in enumerate(distinct):
        crops[position] = cut(video.decode([index])[0], np.array(window), size)
    return crops, inverse.reshape(indices.shape)


def _as_tensor(frames: npt.NDArray[np.uint8], inverse: Ints) -> torch.Tensor:
    """Frames (U, S, S, 3) laid out as the (T, K, 3, S, S) that ``inverse`` (T, K) asks for."""
    channels_first = torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2)))
    chosen = channels_first.index_select(0, torch.from_numpy(inverse.reshape(-1)))  # whole frames: plain copies
    return chosen.unflatten(0, inverse.shape)

"""What one clip looks like to a model: whole frames for actions, person-centred crops for poses.

A view decodes a clip's frames, crops them, and augments them where it has a policy. Each distinct
frame is decoded and transformed once, however often neighbours or padding repeat it.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from humotion.store.frames import StoredVideo

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


def neighbours(frame_indices: npt.NDArray[np.int32], num_neighbours: int, num_frames: int) -> Ints:
    """Indices (T, K) of the K raw frames around each sampled one, clamped to the video.

    The sampled frame stands at K // 2.
    """
    offsets = np.arange(num_neighbours) - num_neighbours // 2
    return np.clip(frame_indices[:, None].astype(np.int64) + offsets, 0, num_frames - 1)


def as_tensor(frames: npt.NDArray[np.uint8], inverse: Ints) -> torch.Tensor:
    """Frames (U, S, S, 3) laid out as the (T, K, 3, S, S) that ``inverse`` (T, K) asks for."""
    channels_first = torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2)))
    chosen = channels_first.index_select(0, torch.from_numpy(inverse.reshape(-1)))  # whole frames: plain copies
    return chosen.unflatten(0, inverse.shape)

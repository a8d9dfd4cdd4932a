"""What a model is shown of a clip: the interface of the files in ``inputs/``, and what they share.

An experiment names one of them as its ``input``. It decodes a clip's frames, crops them, and augments them where it
has a policy. Each distinct frame is decoded and transformed once, however often neighbours or padding repeat it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import torch

from humotion import choices
from humotion.clips.augment import Policy
from humotion.params.experiment import AugmentParams
from humotion.store.frames import FrameStore
from humotion.store.skeleton import Skeleton

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Sample = dict[str, Any]

SCENE = -1
"""The ``person`` of a clip that shows the whole scene."""


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


class ClipInput(Protocol):
    """Turns a clip into the tensors that a model is given."""

    def __call__(self, video: Any, person: int, indices: Ints, seed: int) -> Sample:
        """The tensors of one clip.

        Args:
            video: `Footage`, with labels (a `StoredVideo`) where the input shows joints or needs boxes.
            person: whose clip it is, or `SCENE`.
            indices: (T, K) frames of the video, the K raw frames around each of T sampled ones.
            seed: drives the augmentation.
        """
        ...


class Input(Protocol):
    """A file of ``inputs/``.

    Attributes:
        HAS_JOINTS: samples hold joints, so a policy moves them too, and mirroring swaps left and right.
        NOBODY: why a video in which there is nobody to show is left out.
    """

    HAS_JOINTS: bool
    NOBODY: str

    def people_in(self, store: FrameStore, video_id: str) -> list[int]:
        """The persons of a video of whom clips are made, each for itself; [`SCENE`] for clips of the whole scene."""
        ...

    def make(
        self, augment: AugmentParams, skeleton: Skeleton | None, policy: Policy | None = None, place: float = 0.5
    ) -> ClipInput:
        """What turns clips into tensors: with a policy for training, without one for evaluation.

        Args:
            augment: the section of an experiment.
            skeleton: the joint set of the dataset, if it has joints.
            policy: of the training.
            place: of an evaluation crop along the long side of the frame (see `evaluation_window`).

        Raises:
            HumotionError: the input needs something that the dataset does not have.
        """
        ...

    def for_prediction(self, preprocessing: Mapping[str, Any]) -> ClipInput:
        """What turns a video of which nothing is known into the tensors that a model was trained on.

        Args:
            preprocessing: of the model folder: the sizes of ``augment``, ``num_frames``.

        Raises:
            HumotionError: the input needs labels, which such a video does not have.
        """
        ...


def load_input(name: str) -> Input:
    """The input of that name; raises HumotionError that lists them if there is none."""
    return cast(Input, choices.load("inputs", name))


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

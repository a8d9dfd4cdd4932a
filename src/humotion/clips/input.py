"""What a model sees of a clip: the interface of the files in ``inputs/``, and what they share.

An experiment chooses one of them as its ``input``. The input decodes a clip's frames, crops them, and augments them
if it has a policy. It decodes and transforms each distinct frame once, even if neighbours or padding repeat it.
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
"""The ``person`` of a clip that shows the complete scene."""


class Footage(Protocol):
    """Frames of one video by index: a `StoredVideo`, or a video file decoded for prediction."""

    @property
    def width(self) -> int:
        """Width of a frame in pixels."""
        ...

    @property
    def height(self) -> int:
        """Height of a frame in pixels."""
        ...

    @property
    def annotation(self) -> Mapping[str, npt.NDArray[Any]]:
        """What the experiment's layer has of the video, by name; nothing if the layer is ``labels``."""
        ...

    @property
    def boxes(self) -> Floats | None:
        """The labelled boxes (P, T, 4) of people, in pixels, NaN where there is none; None without labels."""
        ...

    def decode(self, indices: Ints) -> npt.NDArray[np.uint8]:
        """Return RGB frames (len(indices), height, width, 3)."""
        ...


class ClipInput(Protocol):
    """Converts a clip to the tensors that a model gets."""

    def __call__(self, video: Any, person: int, indices: Ints, seed: int) -> Sample:
        """Return the tensors of one clip.

        Args:
            video: `Footage`, with labels (a `StoredVideo`) if the input shows joints or needs boxes.
            person: index of the person in the clip, or `SCENE`.
            indices: (T, K) frames of the video, the K raw frames around each of T sampled ones.
            seed: seed of the augmentation.
        """
        ...


class Input(Protocol):
    """A file of ``inputs/``.

    Attributes:
        HAS_JOINTS: samples contain joints, so a policy moves them too, and mirroring swaps left and right.
        NOBODY: the reason that is reported for a video without a person to show.
    """

    HAS_JOINTS: bool
    NOBODY: str

    def people_in(self, store: FrameStore, video_id: str) -> list[int]:
        """Return the persons of a video who each get clips; [`SCENE`] for clips of the complete scene."""
        ...

    def skeleton_of_samples(self, store: FrameStore) -> Skeleton | None:
        """Return the joint set from which samples are made: that of the dataset, or of the experiment's layer."""
        ...

    def facts(self, augment: AugmentParams, skeleton: Skeleton | None) -> dict[str, Any]:
        """Return what a model must know of the samples, by the names of its arguments (``image_size``)."""
        ...

    def make(
        self, augment: AugmentParams, skeleton: Skeleton | None, policy: Policy | None = None, place: float = 0.5
    ) -> ClipInput:
        """Return the converter from clips to tensors: with a policy for training, without one for evaluation.

        A converter whose samples have joints has their joint set as ``skeleton``.

        Args:
            augment: the ``augment`` section of an experiment.
            skeleton: the joint set of `skeleton_of_samples`, if there is one.
            policy: the augmentation policy of the training.
            place: position of an evaluation crop along the long side of the frame (see `evaluation_window`).

        Raises:
            HumotionError: the input needs something that the dataset does not have.
        """
        ...

    def for_prediction(self, preprocessing: Mapping[str, Any]) -> ClipInput:
        """Return the converter from a video without labels to the tensors that a model was trained on.

        Args:
            preprocessing: from the model folder: the sizes of ``augment``, ``num_frames``, and the joint set as a
                dict, ``skeleton``.

        Raises:
            HumotionError: the input needs labels, which such a video does not have.
        """
        ...


def load_input(name: str) -> Input:
    """Return the input with that name; raise a HumotionError that lists the inputs if it does not exist."""
    return cast(Input, choices.load("inputs", name))


def neighbours(frame_indices: npt.NDArray[np.int32], num_neighbours: int, num_frames: int) -> Ints:
    """Indices (T, K) of the K raw frames around each sampled one, clamped to the video.

    The sampled frame is at K // 2.
    """
    offsets = np.arange(num_neighbours) - num_neighbours // 2
    return np.clip(frame_indices[:, None].astype(np.int64) + offsets, 0, num_frames - 1)


def as_tensor(frames: npt.NDArray[np.uint8], inverse: Ints) -> torch.Tensor:
    """Arrange distinct frames (U, S, S, 3) as a tensor (T, K, 3, S, S), by the indices ``inverse`` (T, K)."""
    channels_first = torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2)))
    chosen = channels_first.index_select(0, torch.from_numpy(inverse.reshape(-1)))  # plain copies, fast
    return chosen.unflatten(0, inverse.shape)

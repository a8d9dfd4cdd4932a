"""Complete frames of a clip: the scene and all people in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from humotion.clips.augment import Policy
from humotion.clips.crop import cut, evaluation_window
from humotion.clips.input import SCENE, Footage, Ints, Sample, as_tensor
from humotion.params.experiment import AugmentParams
from humotion.store.frames import FrameStore
from humotion.store.skeleton import Skeleton

HAS_JOINTS = False
NOBODY = "nobody"


def people_in(store: FrameStore, video_id: str) -> list[int]:
    """Return the scene: one clip shows all people."""
    return [SCENE]


def make(
    augment: AugmentParams, skeleton: Skeleton | None, policy: Policy | None = None, place: float = 0.5
) -> WholeFrames:
    """See `humotion.clips.input.Input`."""
    return WholeFrames(augment.size, policy, place)


def for_prediction(preprocessing: Mapping[str, Any]) -> WholeFrames:
    """See `humotion.clips.input.Input`."""
    return WholeFrames(preprocessing["size"])


@dataclass(frozen=True)
class WholeFrames:
    """Complete frames: with a policy (training) augmented, without one a crop at the centre or at ``place``."""

    size: int
    policy: Policy | None = None
    place: float = 0.5

    def __call__(self, video: Footage, person: int, indices: Ints, seed: int) -> Sample:
        """Return ``frames`` (T, K, 3, size, size) uint8."""
        distinct, inverse = np.unique(indices, return_inverse=True)
        frames = video.decode(distinct)  # (U, H, W, 3)
        if self.policy is None or not self.policy.crops_itself:
            window = evaluation_window(video.width, video.height, self.place)
            frames = np.stack([cut(frame, window, self.size) for frame in frames])
        if self.policy is not None:
            frames = self.policy.augment(frames, seed)
        return {"frames": as_tensor(frames, inverse.reshape(indices.shape))}

"""Whole frames of a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humotion.clips.augment import Policy
from humotion.clips.crop import cut, evaluation_window
from humotion.clips.views import Footage, Ints, Sample, as_tensor


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
        return {"frames": as_tensor(frames, inverse.reshape(indices.shape))}

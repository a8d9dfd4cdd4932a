"""albumentations' transforms of single pixels and of rows, applied to a complete clip in one call.

These transforms get one tall image, with the frames below each other. The result is the same as with one call per
frame, but needs only a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import albumentations as A
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
_CONTRAST = 1  # its position in the steps of ColorJitter


def _as_one_picture(change: Callable[..., Any], frames: Frames, *arguments: Any, **parameters: Any) -> Frames:
    """Apply ``change`` to frames (N, H, W, 3) that are joined to one image (N * H, W, 3)."""
    count, height, width, channels = frames.shape
    picture = np.ascontiguousarray(frames).reshape(count * height, width, channels)
    return np.asarray(change(picture, *arguments, **parameters)).reshape(frames.shape)


class _Joined:
    def apply_to_images(self, images: Frames, *_: Any, **parameters: Any) -> Frames:
        """Transform frames (N, H, W, 3)."""
        return _as_one_picture(self.apply, images, **parameters)  # type: ignore[attr-defined]


class ChannelShuffle(_Joined, A.ChannelShuffle):
    """See albumentations."""


class ColorJitter(A.ColorJitter):
    """See albumentations; only contrast is changed frame by frame, because it depends on each frame's own mean."""

    def apply_to_images(self, images: Frames, *_: Any, order: list[int], **parameters: Any) -> Frames:
        """Transform frames (N, H, W, 3)."""
        factors = [parameters[name] for name in ("brightness", "contrast", "saturation", "hue")]
        for step in order:
            change, factor = self.transforms[step], factors[step]
            if step == _CONTRAST:
                images = np.stack([change(frame, factor) for frame in images])
            else:
                images = _as_one_picture(change, images, factor)
        return images


class HorizontalFlip(_Joined, A.HorizontalFlip):
    """See albumentations."""


class HueSaturationValue(_Joined, A.HueSaturationValue):
    """See albumentations."""


class RandomBrightnessContrast(_Joined, A.RandomBrightnessContrast):
    """See albumentations."""


class ToGray(_Joined, A.ToGray):
    """See albumentations."""

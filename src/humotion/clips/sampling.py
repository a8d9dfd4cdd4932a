"""Which frames of a video make a clip: uniform, consecutive windows, or the whole video.

Every function takes the number of frames that were really decoded and returns frame indices with a
mark for padding, which is always the last frame repeated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.errors import HumotionError


class Sampled(NamedTuple):
    """Frame indices of one clip and which of them are padding."""

    frame_indices: npt.NDArray[np.int32]  # (T,)
    is_padding: npt.NDArray[np.bool_]  # (T,)


def uniform(num_frames: int, length: int) -> Sampled:
    """Spread ``length`` frames evenly over the whole video, first and last frame included.

    With N = ``num_frames`` and T = ``length``, index i is round(i (N - 1) / (T - 1)), halves upwards;
    for T = 1 it is the middle frame (N - 1) // 2. A video with N < T gives each frame once and then
    repeats the last one, marked as padding.
    """
    if num_frames <= length:
        return _padded(0, num_frames, length)
    if length == 1:
        indices = np.array([(num_frames - 1) // 2])
    else:
        steps = np.arange(length, dtype=np.int64)
        indices = (2 * steps * (num_frames - 1) + (length - 1)) // (2 * (length - 1))  # exact in integers
    return Sampled(indices.astype(np.int32), np.zeros(length, bool))


def consecutive_windows(num_frames: int, length: int, stride: int) -> list[Sampled]:
    """Windows of ``length`` neighbouring frames, ``stride`` apart, that cover every frame.

    The last window ends flush with the video, so it may overlap the one before by more than the
    stride asks for. A video shorter than a window gives one window, its last frame repeated.

    Raises:
        HumotionError: the stride is longer than a window, which would skip frames.
    """
    if stride > length:
        raise HumotionError(
            f"clips.stride is {stride} but a window holds {length} frames (clips.num_frames), so frames "
            f"between windows would never be trained on; set clips.stride to {length} or less."
        )
    if num_frames <= length:
        return [_padded(0, num_frames, length)]
    starts = list(range(0, num_frames - length + 1, stride))
    if starts[-1] != num_frames - length:
        starts.append(num_frames - length)
    return [_padded(start, length, length) for start in starts]


def whole_video(num_frames: int) -> Sampled:
    """Every frame once, nothing padded."""
    return _padded(0, num_frames, num_frames)


def _padded(start: int, num_real: int, length: int) -> Sampled:
    steps = np.arange(length)
    indices = start + np.minimum(steps, num_real - 1)
    return Sampled(indices.astype(np.int32), steps >= num_real)

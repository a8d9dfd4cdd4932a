"""Choose the frames of a clip: uniform, consecutive windows, or the complete video.

Every function takes the number of frames that were really decoded. It returns frame indices and a flag for padding,
which always repeats the last frame.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.clips.within import window_starts
from humotion.errors import HumotionError
from humotion.params.experiment import (
    WITHIN_VIDEOS,
    ClipParams,
    EveryWindowClipParams,
    UniformClipParams,
    WindowClipParams,
)


class Sampled(NamedTuple):
    """Frame indices of one clip, and which of them are padding."""

    frame_indices: npt.NDArray[np.int32]  # (T,)
    is_padding: npt.NDArray[np.bool_]  # (T,)


def sampler(params: ClipParams, split: str) -> Callable[[int], list[Sampled]]:
    """Return a function from a number of frames to the clips of one video, by the settings (``clips.sampling``)."""
    if isinstance(params, UniformClipParams):
        return lambda num_frames: [uniform(num_frames, params.num_frames)]
    if isinstance(params, EveryWindowClipParams) and params.split in WITHIN_VIDEOS:
        length = params.num_frames
        return lambda num_frames: [_padded(start, length, length) for start in window_starts(num_frames, params, split)]
    assert isinstance(params, WindowClipParams | EveryWindowClipParams)
    if split == "train" or isinstance(params, EveryWindowClipParams):
        return partial(consecutive_windows, length=params.num_frames, stride=params.stride)
    return lambda num_frames: [whole_video(num_frames)]


def uniform(num_frames: int, length: int, view: int = 0, num_views: int = 1) -> Sampled:
    """Spread ``length`` frames evenly over the complete video, including the first and last frame.

    With N = ``num_frames`` and T = ``length``, index i is round(i s), halves upwards, with the step
    s = (N - 1) / (T - 1); for T = 1, it is the middle frame (N - 1) // 2. For a video with N <= T, every view has each
    frame once and then repeats the last one, marked as padding.

    Of V = ``num_views`` temporal views, view v = ``view`` has its indices shifted by ((2 v + 1) / (2 V) - 1 / 2) s and
    limited to the video. Together, the views divide each step evenly: of two views, one is a quarter of a step early
    and one a quarter late. A single view is not shifted. For T = 1, the step is the complete video, and view v is
    frame (2 v + 1) (N - 1) // (2 V).
    """
    if num_frames <= length:
        return _padded(0, num_frames, length)
    last, part = num_frames - 1, 2 * view + 1  # integers, so that halves are exact
    if length == 1:
        indices = np.array([part * last // (2 * num_views)])
    else:
        steps = 2 * num_views * np.arange(length, dtype=np.int64) + part - num_views  # in 1 / (2 V) of a step
        whole = 2 * num_views * (length - 1)
        indices = np.clip((2 * last * steps + whole) // (2 * whole), 0, last)
    return Sampled(indices.astype(np.int32), np.zeros(length, bool))


def consecutive_windows(num_frames: int, length: int, stride: int) -> list[Sampled]:
    """Windows of ``length`` neighbouring frames, ``stride`` apart, that cover every frame.

    The last window ends at the end of the video, so it may overlap the previous one more than the stride requires. A
    video shorter than a window gets one window, with the last frame repeated.

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
    """Every frame once, without padding."""
    return _padded(0, num_frames, num_frames)


def _padded(start: int, num_real: int, length: int) -> Sampled:
    steps = np.arange(length)
    indices = start + np.minimum(steps, num_real - 1)
    return Sampled(indices.astype(np.int32), steps >= num_real)

from __future__ import annotations

import numpy as np
import pytest

from humotion.clips.sampling import consecutive_windows, uniform, whole_video
from humotion.errors import HumotionError


@pytest.mark.parametrize(
    ("num_frames", "length", "indices", "num_padding"),
    [
        (10, 4, [0, 3, 6, 9], 0),
        (11, 4, [0, 3, 7, 10], 0),  # 3.33 and 6.67
        (6, 3, [0, 3, 5], 0),  # 2.5 rounds upwards
        (4, 4, [0, 1, 2, 3], 0),
        (5, 4, [0, 1, 3, 4], 0),  # 1.33 and 2.67
        (2, 5, [0, 1, 1, 1, 1], 3),
        (1, 3, [0, 0, 0], 2),
        (9, 1, [4], 0),
    ],
)
def test_uniform_by_hand(num_frames: int, length: int, indices: list[int], num_padding: int) -> None:
    sampled = uniform(num_frames, length)
    assert sampled.frame_indices.tolist() == indices
    assert sampled.is_padding.tolist() == [False] * (length - num_padding) + [True] * num_padding


def test_uniform_never_repeats_a_frame_of_a_long_video() -> None:
    for num_frames in range(16, 300):
        indices = uniform(num_frames, 16).frame_indices
        assert indices[0] == 0
        assert indices[-1] == num_frames - 1
        steps = np.diff(indices)
        assert steps.min() >= 1
        assert steps.max() - steps.min() <= 1


@pytest.mark.parametrize(("num_frames", "stride", "starts"), [(12, 5, [0, 5, 7]), (10, 5, [0, 5]), (6, 1, [0, 1])])
def test_window_starts_by_hand(num_frames: int, stride: int, starts: list[int]) -> None:
    windows = consecutive_windows(num_frames, 5, stride)
    assert [window.frame_indices.tolist() for window in windows] == [list(range(s, s + 5)) for s in starts]
    assert not any(window.is_padding.any() for window in windows)


def test_windows_cover_every_frame() -> None:
    for num_frames in range(1, 40):
        for stride in range(1, 6):
            seen = {i for window in consecutive_windows(num_frames, 5, stride) for i in window.frame_indices}
            assert seen == set(range(num_frames))


def test_short_video_makes_one_padded_window() -> None:
    (window,) = consecutive_windows(3, 5, 5)
    assert window.frame_indices.tolist() == [0, 1, 2, 2, 2]
    assert window.is_padding.tolist() == [False, False, False, True, True]


def test_stride_that_skips_frames_is_refused() -> None:
    with pytest.raises(HumotionError, match=r"clips\.stride"):
        consecutive_windows(20, 5, 6)


def test_whole_video() -> None:
    sampled = whole_video(4)
    assert sampled.frame_indices.tolist() == [0, 1, 2, 3]
    assert not sampled.is_padding.any()

"""A window of live frames as a video at the rate of the training clips."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from humotion.errors import HumotionError
from humotion.prediction.live.window import Timing, Window, WindowVideo, timing_of
from humotion.training.description import ModelDescription

UNIFORM = ModelDescription(
    *("live", "tiny", "action_recognition", {"family": "vit"}, {"classes": ["a"]}, {"num_frames": 4}, "0" * 32, {}, {}),
    footage={"num_frames": 26, "fps": 25.0, "short_side": 240},
)
WINDOWS = replace(
    UNIFORM,
    preprocessing={"num_frames": 10, "sampling": "windows"},
    footage={"num_frames": 10, "fps": None, "short_side": 240},
)


def nobody(num_frames: int) -> dict[str, Any]:
    empty = np.zeros((0, num_frames, 2, 2), np.float32)
    return {"landmarks": empty, "found": np.zeros((0, num_frames), bool)}


def at(place: float) -> dict[str, Any]:
    """One person in one frame, whose landmarks are all at one place."""
    return {"landmarks": np.full((1, 1, 2, 2), place, np.float32), "found": np.ones((1, 1), bool)}


def pixels(value: int, side: int = 4) -> Any:
    return np.full((side, side, 3), value, np.uint8)


def video_of(window: Window) -> WindowVideo:
    video = window.video()
    assert isinstance(video, WindowVideo), video
    return video


def test_a_window_is_as_long_as_a_training_clip() -> None:
    assert timing_of(UNIFORM) == (26, 25.0) and timing_of(UNIFORM).seconds == 1.0
    assert timing_of(UNIFORM, 2.0) == (51, 25.0)
    assert timing_of(WINDOWS) == (10, 30.0), "recordings of landmarks do not say their rate"
    assert timing_of(WINDOWS, 0.9) == (10, 10.0), "a model that reads all frames always gets as many"
    assert timing_of(replace(WINDOWS, footage={})) == (10, 30.0)
    with pytest.raises(HumotionError, match="--span SECONDS"):
        timing_of(replace(UNIFORM, footage={}))
    assert timing_of(replace(UNIFORM, footage={}), 1.0) == (31, 30.0)


def test_before_it_is_full_there_is_no_video() -> None:
    window = Window(Timing(5, 10.0), least=3)
    assert window.video() == "the window is not full yet"
    for number in range(4):
        window.add(number / 10, pixels(number))
        assert window.video() == "the window is not full yet"
    window.add(0.4, pixels(4))
    assert [int(frame[0, 0, 0]) for frame in video_of(window)] == [0, 1, 2, 3, 4]


def test_other_rates_give_the_speed_of_the_training() -> None:
    """Something moves by 1 per tenth of a second, seen at 10, 7 and 24 frames per second, and with drops."""
    for times in (np.arange(9) / 10, np.arange(8) / 7, np.arange(25) / 24, np.delete(np.arange(25) / 24, [7, 8, 20])):
        window = Window(Timing(5, 10.0), 3, nobody)
        for time in times:
            window.add(float(time), pixels(round(10 * time)), at(10 * time))
        video = video_of(window)
        places = video.annotation["landmarks"][0, :, 0, 0]
        np.testing.assert_allclose(np.diff(places), 1, atol=1e-4)
        assert places[-1] == pytest.approx(10 * times[-1])
        assert video.annotation["landmarks"].shape == (1, 5, 2, 2) and video.annotation["found"].all()
        assert (video.num_frames, video.fps, video.height) == (5, 10.0, 4)
        shown = video.decode(np.arange(5))[:, 0, 0, 0].astype(int)
        assert (np.abs(shown - places) <= 1.3).all(), "pictures are the nearest ones"


def test_where_nobody_was_found_nothing_is_known() -> None:
    window = Window(Timing(5, 10.0), 3, nobody)
    for number in range(5):
        window.add(number / 10, pixels(0), at(number) if number in (0, 1, 4) else None)
    annotation = video_of(window).annotation
    assert annotation["found"].tolist() == [[True, True, False, False, True]]
    assert np.isnan(annotation["landmarks"][0, 2:4]).all() and annotation["landmarks"][0, 4, 0, 0] == 4
    for number in range(5, 11):
        window.add(number / 10, pixels(0), None)
    annotation = video_of(window).annotation
    assert annotation["found"].shape == (0, 5)


def test_memory_is_bounded_and_a_new_start_is_one() -> None:
    window = Window(Timing(5, 10.0), 3)
    for number in range(5000):
        window.add(number / 1000, pixels(0))
    assert len(window) <= 2 * 5 + 3
    window.add(1.0, pixels(1))
    assert len(window) == 1, "a file that starts again"
    window.add(1.1, pixels(1, side=6))
    assert len(window) == 1, "another size"


def test_too_few_frames_show_no_motion() -> None:
    window = Window(Timing(9, 10.0), 5)
    for time in (0.0, 0.5, 0.8, 1.2):
        window.add(time, pixels(0))
    assert window.video() == "too few frames"

"""The filters, against values computed step by step from their definition."""

from __future__ import annotations

import itertools
import math

import numpy as np

from humotion.annotation.blazepose.smoothing import OneEuro, PointFilter, RunningMean


def one_euro(values: list[float], settings: OneEuro, seconds: float, size: float) -> list[float]:
    """The filter of one number, written as in the paper."""

    def alpha(cutoff: float) -> float:
        tau = 1 / (2 * math.pi * cutoff)
        return 1 / (1 + tau / seconds)

    smooth, speed, found = values[0], 0.0, [values[0]]
    for before, value in itertools.pairwise(values):
        speed += alpha(settings.derivative_cutoff) * ((value - before) / size / seconds - speed)
        smooth += alpha(settings.min_cutoff + settings.beta * abs(speed)) * (value - smooth)
        found.append(smooth)
    return found


def test_the_one_euro_filter() -> None:
    settings, values = OneEuro(0.05, 80.0), [10.0, 10.2, 9.9, 30.0, 50.0, 50.1]
    track = PointFilter(settings)
    found = [track(np.array([[value, -value]], np.float32), 0.04, 60.0)[0] for value in values]
    expected = one_euro(values, settings, 0.04, 60.0)
    np.testing.assert_allclose(np.array(found)[:, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(np.array(found)[:, 1], -np.array(expected), rtol=1e-5)


def test_a_point_at_rest_is_smoothed_and_a_fast_one_is_not_late() -> None:
    shaking = np.where(np.arange(100) % 2, 100.0, 100.5).astype(np.float32)
    rest, fast = PointFilter(OneEuro(0.05, 80.0)), PointFilter(OneEuro(0.05, 80.0))
    calm = np.array([rest(np.array([value]), 0.04, 200.0)[0] for value in shaking])
    assert np.ptp(calm[20:]) < 0.1 * np.ptp(shaking)
    line = np.arange(0, 1000, 10, dtype=np.float32)
    assert abs(np.array([fast(np.array([value]), 0.04, 200.0)[0] for value in line]) - line)[20:].max() < 1.5


def test_points_without_a_size_do_not_divide_by_zero() -> None:
    track = PointFilter(OneEuro(0.05, 80.0))
    for _ in range(3):
        assert np.isfinite(track(np.ones((2, 3), np.float32), 0.04, 0.0)).all()


def test_the_running_mean() -> None:
    mean = RunningMean(0.1)
    assert mean(np.array([1.0], np.float32)) == [1.0]
    np.testing.assert_allclose(mean(np.array([0.0], np.float32)), [0.9])
    np.testing.assert_allclose(mean(np.array([0.0], np.float32)), [0.81])

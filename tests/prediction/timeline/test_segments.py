from __future__ import annotations

import numpy as np
import pytest

from humotion.prediction.timeline.segments import Segment, Timeline, moments, segments_of

CLASSES = ["jump", "walk"]
JUMP, WALK = np.array([1.0, 0.0]), np.array([0.0, 1.0])


def of_walk(*probabilities: float) -> np.ndarray:
    """Moments of two classes, from the probability of the second."""
    return np.array([[1 - value, value] for value in probabilities])


def spans(*probabilities: float, threshold: float = 0.8) -> list[tuple[float, float, str]]:
    edges = np.arange(len(probabilities) + 1) * 0.5
    found = segments_of(edges, of_walk(*probabilities), CLASSES, threshold)
    return [(one.start, one.end, one.label) for one in found]


def test_an_action_starts_at_the_threshold_and_ends_below_a_lower_one() -> None:
    # half the way from 0.8 to chance is 0.65
    assert spans(0.7, 0.79, 0.8, 0.66, 0.65, 0.64, 0.79) == [(1.0, 2.5, "walk")]


def test_a_probability_near_the_threshold_makes_one_action() -> None:
    assert spans(0.81, 0.79, 0.81, 0.79, 0.81) == [(0.0, 2.5, "walk")]


def test_another_action_takes_over_when_it_is_sure() -> None:
    assert spans(0.9, 0.9, 0.1, 0.1) == [(0.0, 1.0, "walk"), (1.0, 2.0, "jump")]


def test_nobody_ends_an_action() -> None:
    assert spans(0.9, np.nan, 0.9) == [(0.0, 0.5, "walk"), (1.0, 1.5, "walk")]


def test_with_a_threshold_of_zero_there_is_always_an_action() -> None:
    assert spans(0.51, 0.49, 0.6, threshold=0.0) == [(0.0, 0.5, "walk"), (0.5, 1.0, "jump"), (1.0, 1.5, "walk")]


def test_the_confidence_is_the_mean_over_the_action() -> None:
    (found,) = segments_of(np.array([0.0, 1.0, 2.0]), of_walk(0.9, 0.8), CLASSES, 0.8)
    assert found == Segment(0.0, 2.0, "walk", pytest.approx(0.85))


def test_a_moment_is_the_mean_of_the_windows_in_which_it_lies() -> None:
    edges = np.array([0.0, 1.0, 2.0, 3.0])
    rows = moments([2.0, 3.0], [WALK, JUMP], 2.0, edges)  # windows from 0 to 2 and from 1 to 3
    assert rows.tolist() == [[0, 1], [0.5, 0.5], [1, 0]]


def test_a_moment_in_which_half_of_the_windows_saw_nobody_is_unknown() -> None:
    edges = np.array([0.0, 1.0, 2.0, 3.0])
    rows = moments([2.0, 3.0], [np.full(2, np.nan), JUMP], 2.0, edges)
    assert np.isnan(rows[:2]).all() and rows[2].tolist() == [1, 0]


def test_a_moment_outside_of_all_windows_is_that_of_the_nearest() -> None:
    rows = moments([2.0], [JUMP], 1.0, np.array([0.0, 0.5, 5.0]))
    assert rows.tolist() == [[1, 0], [1, 0]]


def test_a_timeline_without_a_threshold_says_nothing() -> None:
    line = Timeline(np.array([0.0, 1.0]), of_walk(0.99), CLASSES, None, 1.0)
    assert line.segments == [] and line.longest() is None
    assert list(line.means()) == ["walk", "jump"]


def test_the_longest_action_is_the_one_with_most_time_in_all() -> None:
    edges = np.arange(6.0)
    line = Timeline(edges, of_walk(0.9, 0.1, 0.1, 0.9, 0.9), CLASSES, 0.8, 1.0)
    assert [one.label for one in line.segments] == ["walk", "jump", "walk"]
    assert line.longest() == "walk"


def test_a_video_of_nobody_has_no_probabilities() -> None:
    line = Timeline(np.array([0.0, 1.0]), np.full((1, 2), np.nan), CLASSES, 0.5, 1.0)
    assert list(line.as_dict()["probabilities"]) == [None]
    assert line.means() == {"jump": 0.0, "walk": 0.0}

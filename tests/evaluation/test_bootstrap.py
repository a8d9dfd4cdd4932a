from __future__ import annotations

import math

import numpy as np
import pytest

from humotion.evaluation.bootstrap import paired_bootstrap


def test_identical_scores_hold_zero():
    score = np.random.default_rng(0).random(50)
    result = paired_bootstrap(score, score, groups=np.arange(50) // 5, seed=1)
    assert result == (0, 0, 0)


def test_equal_seeds_give_equal_intervals():
    rng = np.random.default_rng(0)
    a, b, groups = rng.random(60), rng.random(60), rng.integers(12, size=60)
    assert paired_bootstrap(a, b, groups, seed=4) == paired_bootstrap(a, b, groups, seed=4)
    assert paired_bootstrap(a, b, groups, seed=4) != paired_bootstrap(a, b, groups, seed=5)


def test_drawing_groups_is_wider_than_drawing_clips_when_groups_agree():
    # Ten films of twenty clips; all clips of a film are won or lost together.
    film = np.repeat(np.arange(10), 20)
    a = np.repeat([1, 1, 1, 1, 1, 1, 1, 0, 0, 0], 20)
    b = 1 - a
    by_film = paired_bootstrap(a, b, film, seed=0)
    by_clip = paired_bootstrap(a, b, np.arange(200), seed=0)
    assert by_film.difference == by_clip.difference == pytest.approx(0.4)
    assert by_film.low < 0 < by_clip.low  # clips taken for independent would claim a gain
    assert by_film.high - by_film.low > 3 * (by_clip.high - by_clip.low)


def test_interval_matches_the_normal_one_for_independent_clips():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.3, 1, 400), rng.normal(0, 1, 400)
    result = paired_bootstrap(a, b, np.arange(400), seed=0, num_resamples=4000)
    error = 1.96 * (a - b).std(ddof=1) / math.sqrt(400)
    assert result.difference == pytest.approx((a - b).mean())
    assert result.low == pytest.approx(result.difference - error, abs=0.02)
    assert result.high == pytest.approx(result.difference + error, abs=0.02)


def test_weights_give_the_pooled_difference_and_zero_weight_is_ignored():
    a, b = [1.0, 0.5, math.nan], [0.0, 0.5, math.nan]
    result = paired_bootstrap(a, b, ["x", "y", "z"], seed=0, weights=[30, 10, 0])
    assert result.difference == pytest.approx(30 / 40)


def test_one_group_says_nothing_about_spread():
    result = paired_bootstrap([1, 1], [0, 1], ["film", "film"], seed=0)
    assert result.difference == 0.5
    assert math.isnan(result.low)
    assert math.isnan(result.high)


@pytest.mark.parametrize("bad", [([1.0], [1.0, 2.0], ["a"]), ([math.nan], [1.0], ["a"]), ([], [], [])])
def test_unusable_scores_are_refused(bad):
    with pytest.raises(ValueError, match=r"lengths|finite|broadcast"):
        paired_bootstrap(*bad, seed=0)

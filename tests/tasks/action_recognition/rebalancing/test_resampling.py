from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from humotion.tasks.action_recognition.rebalancing.resampling import Resampler, classes_of_one, neighbours_for, resample

METHODS = get_args(Resampler)
SMOTES = [method for method in METHODS if method != "random_oversample"]


def clouds(counts: dict[int, int], spread: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Well separated classes around (10 c, 0, 0, 0)."""
    random = np.random.default_rng(0)
    labels = np.repeat(list(counts), list(counts.values()))
    features = random.normal(0, spread, (len(labels), 4))
    features[:, 0] += 10 * labels
    return features.astype(np.float32), labels


def counted(labels: np.ndarray) -> dict[int, int]:
    return dict(zip(*(values.tolist() for values in np.unique(labels, return_counts=True)), strict=True))


def test_neighbours_follow_the_smallest_class_that_has_any() -> None:
    assert neighbours_for(np.repeat([0, 1, 2], [20, 9, 7]), 5) == 5
    assert neighbours_for(np.repeat([0, 1, 2], [20, 9, 3]), 5) == 2
    assert neighbours_for(np.repeat([0, 1, 2], [20, 1, 2]), 5) == 1
    assert neighbours_for(np.array([0, 1, 2]), 5) == 0
    assert classes_of_one(np.repeat([0, 4, 2, 7], [20, 1, 2, 1])) == [4, 7]


@pytest.mark.parametrize("method", METHODS)
def test_separate_classes_become_equally_large(method: Resampler) -> None:
    features, labels = clouds({0: 20, 1: 9, 2: 3})
    made = resample(method, features, labels, 5, seed=0)
    assert counted(made.labels) == {0: 20, 1: 20, 2: 20}
    assert made.emptied == ()
    # A new row lies between rows of its class, so it stays within their ranges.
    for label in range(3):
        old, new = features[labels == label], made.features[made.labels == label]
        assert (new >= old.min(axis=0) - 1e-5).all() and (new <= old.max(axis=0) + 1e-5).all()


def test_smote_puts_rows_on_the_lines_between_neighbours() -> None:
    features, labels = clouds({0: 6, 1: 2})
    made = resample("smote", features, labels, 5, seed=0)
    one, other = features[labels == 1]
    for row in made.features[made.labels == 1]:
        share = (row - one) @ (other - one) / ((other - one) @ (other - one))
        assert np.allclose(row, one + share * (other - one), atol=1e-4) and -1e-4 <= share <= 1 + 1e-4


@pytest.mark.parametrize("method", SMOTES)
def test_a_class_of_one_is_left_alone_even_amid_another(method: Resampler) -> None:
    features, labels = clouds({0: 20, 1: 9, 2: 1})
    features[-1] = features[3] + 1e-3  # what Tomek links and edited neighbours would take out
    made = resample(method, features, labels, 5, seed=0)
    assert (made.labels == 2).sum() == 1
    assert (made.features[made.labels == 2] == features[-1]).all()
    assert made.emptied == ()


def test_random_oversampling_repeats_a_class_of_one() -> None:
    features, labels = clouds({0: 5, 1: 1})
    made = resample("random_oversample", features, labels, 5, seed=0)
    assert counted(made.labels) == {0: 5, 1: 5}
    assert {tuple(row) for row in made.features} == {tuple(row) for row in features}


def test_a_class_that_cleaning_emptied_gets_its_rows_back() -> None:
    random = np.random.default_rng(0)
    features = np.stack([np.concatenate([np.arange(40.0), np.arange(40.0) + 0.5])] * 2, axis=1)
    features = (features + random.normal(0, 0.01, features.shape)).astype(np.float32)
    labels = np.repeat([0, 1], 40)  # alternating along a line: every row's neighbours disagree with it
    made = resample("smote_enn", features, labels, 5, seed=0)
    assert set(made.labels) == {0, 1}
    for label in made.emptied:
        assert (made.features[made.labels == label] == features[labels == label]).all()
    assert made.emptied


@pytest.mark.parametrize("method", SMOTES)
def test_with_no_class_to_grow_rows_stay_as_they_are(method: Resampler) -> None:
    for counts in ({0: 1, 1: 1, 2: 1}, {3: 6}):
        features, labels = clouds(counts)
        made = resample(method, features, labels, 5, seed=0)
        assert made.features is features and made.labels is labels


def test_equal_seeds_make_equal_rows() -> None:
    features, labels = clouds({0: 12, 1: 4})
    one, again, other = (resample("smote", features, labels, 5, seed).features for seed in (1, 1, 2))
    assert (one == again).all() and not (one == other).all()

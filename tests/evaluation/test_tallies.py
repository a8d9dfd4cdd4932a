from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, recall_score

from humotion.evaluation.bootstrap import paired_bootstrap
from humotion.evaluation.tallies import class_recall, class_scores, paired_class_bootstrap, tally


def made_up(seed: int, clips: int = 120, classes: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=clips)
    one, other = (np.where(random.random(clips) < p, labels, random.integers(classes, size=clips)) for p in (0.6, 0.3))
    return labels, one, other, random.integers(15, size=clips)


def test_tally_by_hand() -> None:
    counts = tally(np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1]), ["x", "y", "y", "y"], 3)
    assert counts[0].tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 0]]
    assert counts[1].tolist() == [[0, 1, 0], [1, 2, 0], [0, 2, 1]]


def test_scores_are_those_of_scikit_learn() -> None:
    labels, predicted, _, groups = made_up(0)
    counts = tally(predicted, labels, groups, 5).sum(axis=0)
    scores = class_scores(counts)
    assert scores["top1"] == pytest.approx((predicted == labels).mean())
    assert scores["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert scores["mean_class_accuracy"] == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert class_recall(counts).tolist() == pytest.approx(recall_score(labels, predicted, average=None).tolist())


def test_a_class_without_clips_counts_in_no_mean() -> None:
    labels, predicted = np.array([0, 0, 1]), np.array([0, 2, 1])
    counts = tally(predicted, labels, [0, 1, 2], 4).sum(axis=0)
    expected = f1_score(labels, predicted, labels=[0, 1], average="macro")
    assert class_scores(counts)["macro_f1"] == pytest.approx(expected)
    assert class_scores(counts)["mean_class_accuracy"] == pytest.approx(0.75)
    assert np.isnan(class_recall(counts)).tolist() == [False, False, True, True]


def test_intervals_equal_those_of_drawing_the_clips_themselves() -> None:
    labels, one, other, groups = made_up(1)
    found = paired_class_bootstrap(tally(one, labels, groups, 5), tally(other, labels, groups, 5), 3, 200)
    members = [np.flatnonzero(groups == group) for group in range(15)]
    random = np.random.default_rng(3)
    draws = [np.concatenate([members[g] for g in random.integers(15, size=15)]) for _ in range(200)]
    f1 = [
        f1_score(labels[d], one[d], labels=np.unique(labels[d]), average="macro")
        - f1_score(labels[d], other[d], labels=np.unique(labels[d]), average="macro")
        for d in draws
    ]
    assert found["macro_f1"][1:] == pytest.approx(np.quantile(f1, [0.025, 0.975]))
    assert found["macro_f1"].distinguishable == (found["macro_f1"].low > 0)
    top1 = paired_bootstrap(one == labels, other == labels, groups, seed=3, num_resamples=200)
    assert found["top1"] == pytest.approx(top1)


def test_recall_is_judged_where_its_class_is_drawn() -> None:
    # Class 1 lives in groups b and c, class 2 in c alone.
    labels = np.array([0, 0, 1, 1, 2])
    groups = ["a", "b", "b", "c", "c"]
    right, wrong = tally(labels, labels, groups, 3), tally(np.array([0, 0, 0, 0, 0]), labels, groups, 3)
    found = paired_class_bootstrap(right, wrong, 0, 200)
    assert found["recall/0"] == (0, 0, 0) and not found["recall/0"].distinguishable
    assert found["recall/1"] == (1, 1, 1) and found["recall/1"].distinguishable
    assert found["recall/2"].difference == 1 and math.isnan(found["recall/2"].low)
    assert not found["recall/2"].distinguishable

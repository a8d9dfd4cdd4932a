from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from humotion.tasks.action_recognition.rebalancing.heads import LinearHead, Rows, best_head, best_tau, tau_normalised


def rows(counts: list[int], seed: int = 0, dim: int = 3, spread: float = 1.0) -> Rows:
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = np.random.default_rng(9).normal(0, 1.5, (len(counts), dim))
    return Rows(centres[labels] + random.normal(0, spread, (len(labels), dim)), labels)


def objective(flat: np.ndarray, data: Rows, row_weights: np.ndarray, l2: float, classes: int) -> float:
    weight, bias = flat[:-classes].reshape(classes, -1), flat[-classes:]
    losses = -log_softmax(data.features @ weight.T + bias, axis=1)[np.arange(len(data.labels)), data.labels]
    return float((row_weights * losses).mean() + l2 / 2 * (weight**2).sum())


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("balanced", [False, True])
def test_the_fitted_head_is_the_minimum_of_what_is_said_to_be_fitted(classes: int, balanced: bool) -> None:
    data = rows([30, 12, 4][:classes])
    head = best_head(data, data, [0.05], classes, balanced)
    counts = np.bincount(data.labels)
    each = (len(data.labels) / (classes * counts))[data.labels] if balanced else np.ones(len(data.labels))
    found = objective(np.concatenate([head.weight.ravel(), head.bias]), data, each, 0.05, classes)
    least = minimize(objective, np.zeros(classes * 4), (data, each, 0.05, classes), method="BFGS").fun
    assert found == pytest.approx(least, abs=2e-4)


def test_strength_is_chosen_on_validation_rows() -> None:
    train = rows([40, 8, 4], spread=2.5, dim=20)
    validation = rows([15, 15, 15], seed=1, spread=2.5, dim=20)
    strengths = [1e-4, 1e-2, 1.0]
    single = {strength: best_head(train, validation, [strength], 3) for strength in strengths}

    def right(head: LinearHead) -> float:
        hits = [
            (head.predict(validation.features) == validation.labels)[validation.labels == c].mean() for c in range(3)
        ]
        return float(np.mean(hits))

    chosen = best_head(train, validation, strengths, 3)
    assert chosen.l2 in strengths
    assert right(chosen) >= max(map(right, single.values())) - 0.05  # macro-F1 and mean recall agree but for ties
    easy = rows([20, 20, 20], spread=0.01)
    assert best_head(easy, easy, strengths, 3).l2 == 1.0  # all equally good: the strongest


def test_a_class_that_training_lacks_is_never_said() -> None:
    data = rows([10, 10, 10])
    known = data.labels != 1
    train = Rows(data.features[known], data.labels[known])
    head = best_head(train, data, [0.01], 4)
    for each in (head, tau_normalised(head, 0.5)):
        assert set(each.predict(data.features)) <= {0, 2}


def test_tau_by_hand() -> None:
    head = LinearHead(np.array([[3.0, 4.0], [0.0, 0.5]]), np.array([1.0, -np.inf]), 0.1)
    half = tau_normalised(head, 0.5)
    assert half.weight == pytest.approx(np.array([[3, 4], [0, 0]]) / np.sqrt(5) + np.array([[0, 0], [0, np.sqrt(0.5)]]))
    assert half.bias.tolist() == [0, -np.inf] and half.tau == 0.5
    assert np.linalg.norm(tau_normalised(head, 1).weight, axis=1) == pytest.approx([1, 1])
    assert tau_normalised(head, 0).weight == pytest.approx(head.weight)


def test_tau_is_the_smallest_that_is_best_on_validation_rows() -> None:
    # Class 1 has a small weight, which normalisation makes up for.
    head = LinearHead(np.array([[1.0, 0.0], [0.0, 0.25]]), np.zeros(2), 0.1)
    validation = Rows(np.array([[1.0, 1.2], [1.0, 0.2], [0.3, 1.0]]), np.array([0, 0, 1]))
    # Row 0 stays class 0 while 1 > 1.2 * 0.25^(1 - tau); row 2 is class 1 once 0.25^(1 - tau) > 0.3.
    assert best_tau(head, validation, [1.0, 0.0, 0.1, 0.2, 0.5]).tau == 0.2

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from humotion.tasks.action_recognition.training import linear_probe


def clips(counts: list[int], seed: int = 0, dim: int = 3, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Features around a centre a class, of unlike scales and far from zero, and labels."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = np.random.default_rng(9).normal(0, 1.5, (len(counts), dim))
    features = centres[labels] + random.normal(0, spread, (len(labels), dim))
    return (features * 10.0 ** np.arange(dim) + 50).astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 3])
def test_it_is_the_optimum_on_standardised_features_read_off_raw_ones(classes: int) -> None:
    features, labels = clips([20, 12, 8][:classes])
    probe = linear_probe.fit(features, labels, features, labels, classes, strengths=[0.05])
    mean, std = features.astype(float).mean(axis=0), features.astype(float).std(axis=0)

    def objective(flat: np.ndarray) -> float:
        weight, bias = flat[:-classes].reshape(classes, -1), flat[-classes:]
        losses = -log_softmax((features - mean) / std @ weight.T + bias, axis=1)[np.arange(len(labels)), labels]
        return float(losses.mean() + 0.05 / 2 * (weight**2).sum())

    least = minimize(objective, np.zeros(classes * 4), method="BFGS")
    weight, bias = least.x[:-classes].reshape(classes, -1), least.x[-classes:]
    expected = np.exp(log_softmax((features - mean) / std @ weight.T + bias, axis=1))
    assert probe.probabilities(features) == pytest.approx(expected, abs=5e-3)
    logits = features @ probe.weight.T + probe.bias
    assert (logits.argmax(axis=1) == expected.argmax(axis=1)).all()


def test_the_strength_is_that_of_the_least_cross_entropy_on_validation_clips() -> None:
    features, labels = clips([10, 10, 10], spread=3.0, dim=12)
    val_features, val_labels = clips([20, 20, 20], seed=1, spread=3.0, dim=12)
    probe = linear_probe.fit(features, labels, val_features, val_labels, 3)
    assert [trial.l2 for trial in probe.trials] == sorted(linear_probe.STRENGTHS, reverse=True)
    assert probe.cross_entropy == min(trial.cross_entropy for trial in probe.trials)
    assert probe.trials[0].l2 > probe.l2 > probe.trials[-1].l2
    probabilities = probe.probabilities(val_features)
    assert (probabilities.argmax(axis=1) == val_labels).mean() == probe.top1
    assert -np.log(probabilities[np.arange(60), val_labels]).mean() == pytest.approx(probe.cross_entropy)


def test_a_class_that_training_lacked_is_finite_and_never_said() -> None:
    features, labels = clips([10, 10, 10])
    known = labels != 1
    probe = linear_probe.fit(features[known], labels[known], features, labels, 4)
    assert np.isfinite(probe.bias).all() and np.isfinite(probe.cross_entropy) and probe.weight.shape == (4, 3)
    far = np.random.default_rng(0).normal(0, 1e4, (500, 3))
    assert set(probe.probabilities(far).argmax(axis=1)) == {0, 2}


def test_two_fits_are_equal() -> None:
    data = clips([10, 10, 10])
    first, second = (linear_probe.fit(*data, *data, 3) for _ in range(2))
    assert (first.weight == second.weight).all() and (first.bias == second.bias).all()

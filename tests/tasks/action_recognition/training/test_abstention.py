"""The rule by which an action model says "none": its temperature, its threshold, and what they are worth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from humotion.tasks.action_recognition.training.abstention import (
    FEWEST,
    abstention_of,
    calibrated,
    choose_threshold,
    fit_temperature,
    read_abstention,
)


def overconfident(num_clips: int, factor: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from true probabilities, and the probabilities of a model whose logits are too large."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (num_clips, 4))
    true = torch.softmax(torch.from_numpy(logits), 1).numpy()
    labels = np.array([random.choice(4, p=row) for row in true])
    return torch.softmax(torch.from_numpy(factor * logits), 1).numpy(), labels


def test_the_temperature_undoes_what_made_a_model_too_certain() -> None:
    probabilities, labels = overconfident(4000, factor=3.0)
    assert fit_temperature(probabilities, labels) == pytest.approx(3.0, rel=0.1)
    assert fit_temperature(*overconfident(4000, factor=0.5)) == pytest.approx(0.5, rel=0.1)
    before, after = (
        F.nll_loss(torch.from_numpy(np.log(found)), torch.from_numpy(labels))
        for found in (probabilities, calibrated(probabilities, 3.0))
    )
    assert after < before - 0.1
    np.testing.assert_allclose(calibrated(probabilities, 1.0), probabilities, atol=1e-9)


def test_a_model_without_an_error_is_not_taken_to_be_certain() -> None:
    probabilities = np.tile([[0.9, 0.05, 0.05]], (20, 1))
    temperature = fit_temperature(probabilities, np.zeros(20, np.int64))
    assert calibrated(probabilities, temperature)[0, 0] == pytest.approx(1 - 1 / 22, abs=1e-3)
    assert calibrated(np.array([[1.0, 0.0]]), 2.0).sum() == pytest.approx(1), "a probability may be 0"


def test_the_threshold_is_the_smallest_with_enough_right_answers() -> None:
    confidence = np.linspace(0.99, 0.5, 40)
    right = np.ones(40, bool)
    right[[9, 21, 22, 23, *range(25, 40, 2)]] = False
    threshold = choose_threshold(confidence, right)
    assert threshold is not None
    shares = {float(one): right[confidence >= one].mean() for one in confidence if (confidence >= one).sum() >= FEWEST}
    assert threshold == min(one for one, share in shares.items() if share >= 0.9)
    assert choose_threshold(confidence[::-1], right[::-1]) == threshold, "whatever the order of the clips"


def test_equally_certain_clips_are_answered_together() -> None:
    confidence = np.array([0.9] * 12 + [0.6] * 8)
    right = np.array([True] * 12 + [True] * 4 + [False] * 4)
    assert choose_threshold(confidence, right) == 0.9


def test_where_no_threshold_is_honest_there_is_none() -> None:
    coin = np.tile([True, False], 20)
    assert choose_threshold(np.linspace(0.9, 0.5, 40), coin) is None
    few = np.array([True] * (FEWEST - 2) + [False] * 40)
    assert choose_threshold(np.linspace(0.9, 0.5, len(few)), few) is None, "eight right answers show little"
    found = abstention_of(np.tile([[0.8, 0.2]], (40, 1)), np.tile([0, 1], 20), 7)
    assert (found.threshold, found.coverage, found.accuracy) == (None, 0.0, None)
    assert (found.num_clips, found.num_groups) == (40, 7)


def test_what_is_less_certain_than_all_right_clips_has_no_answer() -> None:
    assert choose_threshold(np.linspace(0.95, 0.7, 30), np.ones(30, bool)) == pytest.approx(0.7)


def test_on_other_clips_the_rule_stays_and_its_worth_is_theirs() -> None:
    rule = abstention_of(*overconfident(2000, 2.0), num_groups=20)
    assert rule.threshold is not None and rule.accuracy is not None
    assert rule.accuracy >= 0.9 and 0.2 < rule.coverage < 0.8
    probabilities, labels = overconfident(2000, 2.0, seed=1)
    other = rule.on(probabilities, labels, 5)
    assert (other.temperature, other.threshold, other.num_groups) == (rule.temperature, rule.threshold, 5)
    answered = calibrated(probabilities, rule.temperature).max(1) >= rule.threshold
    assert other.coverage == pytest.approx(answered.mean())
    assert other.accuracy == pytest.approx((probabilities.argmax(1) == labels)[answered].mean())
    assert other.accuracy == pytest.approx(0.9, abs=0.05)
    assert read_abstention(rule.as_dict()) == rule and read_abstention({}) is None

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, top_k_accuracy_score

from humotion.errors import HumotionError
from humotion.tasks.action_recognition.evaluation.scores import (
    action_scores,
    baseline_scores,
    confusion,
    per_class_table,
)


def random_predictions(num_classes: int = 8, num_clips: int = 300):
    rng = np.random.default_rng(3)
    labels = rng.choice(num_classes, num_clips, p=np.arange(1, num_classes + 1) / np.arange(num_classes + 1).sum())
    logits = rng.normal(size=(num_clips, num_classes)) + 1.5 * np.eye(num_classes)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return probabilities.astype(np.float32), labels


def test_agrees_with_scikit_learn():
    probabilities, labels = random_predictions()
    predicted = probabilities.argmax(1)
    scores = action_scores(probabilities, labels)
    assert scores["top1"] == pytest.approx((predicted == labels).mean())
    assert scores["top5"] == pytest.approx(top_k_accuracy_score(labels, probabilities, k=5))
    assert scores["mean_class_accuracy"] == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert scores["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert len({round(scores[name], 3) for name in ("top1", "mean_class_accuracy", "macro_f1")}) == 3


def test_by_hand():
    # labels 0 0 0 1, predictions 0 0 1 1; confidences 0.9 0.9 0.6 0.6
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    labels = np.array([0, 0, 0, 1])
    scores = action_scores(probabilities, labels)
    assert "top5" not in scores
    assert scores["top1"] == pytest.approx(0.75)
    assert scores["mean_class_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert scores["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    # bins: two clips at 0.9 all right (gap 0.1), two at 0.6 half right (gap 0.1)
    assert scores["ece"] == pytest.approx(0.1, abs=1e-6)
    assert confusion(probabilities, labels).tolist() == [[2, 1], [0, 1]]


def test_perfectly_sure_and_right_is_calibrated():
    scores = action_scores(np.eye(6)[[0, 1, 2]], np.array([0, 1, 2]))
    assert scores["ece"] == pytest.approx(0, abs=1e-6)
    assert scores["macro_f1"] == 1  # classes 3-5 have no clip and do not enter the mean


def test_guessing_a_class_without_clips_costs_recall_but_adds_no_class_to_the_means():
    scores = action_scores(np.eye(3)[[0, 2]], np.array([0, 0]))
    assert scores["mean_class_accuracy"] == pytest.approx(1 / 2)
    assert scores["macro_f1"] == pytest.approx(2 / 3)


def test_per_class_table_has_every_class():
    probabilities, labels = np.eye(3)[[0, 0, 1]], np.array([0, 1, 1])
    table = per_class_table(probabilities, labels, ["run", "walk", "wave"])
    assert table["label"].tolist() == ["run", "walk", "wave"]
    assert table["num_clips"].tolist() == [1, 2, 0]
    assert table["recall"].tolist()[:2] == [1.0, 0.5]
    assert table["precision"].tolist()[:2] == [0.5, 1.0]
    assert table.loc[2, ["recall", "precision", "f1"]].isna().all()


def test_logits_and_empty_splits_are_refused():
    with pytest.raises(HumotionError, match="logits"):
        action_scores(np.array([[3.0, -1.0]]), np.array([0]))
    with pytest.raises(HumotionError, match="empty"):
        action_scores(np.zeros((0, 3)), np.zeros(0, dtype=int))


def test_majority_is_the_largest_training_class():
    train, test = np.array([2, 2, 2, 0, 1]), np.array([2, 0, 0, 1])
    majority = baseline_scores(train, test, num_classes=3)["majority"]
    assert majority["top1"] == pytest.approx(1 / 4)
    assert majority["mean_class_accuracy"] == pytest.approx(1 / 3)
    assert majority["macro_f1"] == pytest.approx((2 * 1 / (1 + 4)) / 3)


def test_chance_agrees_with_simulated_guesses():
    test = np.repeat([0, 1, 2], [9, 3, 1])
    chance = baseline_scores(test, test, num_classes=3)["chance"]
    assert chance["top1"] == chance["mean_class_accuracy"] == pytest.approx(1 / 3)
    rng = np.random.default_rng(0)
    guesses = rng.integers(3, size=(800, len(test)))
    simulated = [f1_score(test, guess, labels=[0, 1, 2], average="macro", zero_division=0) for guess in guesses]
    assert chance["macro_f1"] == pytest.approx(np.mean(simulated), abs=4 * np.std(simulated) / np.sqrt(800))

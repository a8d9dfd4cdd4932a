"""Scores of action recognition, and of the two baselines that need no model: chance and the majority class.

Top-1 is the share of correct clips. Mean-class accuracy and macro-F1 show whether the model also recognises small
classes. Both are means over the classes with a clip in the labels. Every score is a fraction in [0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_calibration_error

from humotion.errors import HumotionError

NUM_CALIBRATION_BINS = 15


def action_scores(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> dict[str, float]:
    """``top1``, ``top5`` (with more than 5 classes), ``mean_class_accuracy``, ``macro_f1`` and ``ece``.

    Args:
        probabilities: (N, classes), rows that sum to 1.
        labels: (N,) class of each clip.

    Raises:
        HumotionError: there are no clips, or a row is not a distribution.
    """
    if not len(labels):
        raise HumotionError("There are no clips to score: the split is empty. Check clips/<experiment>.")
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3) or probabilities.min() < 0:
        raise HumotionError(
            "Class probabilities must be non-negative and sum to 1 in every row; are they logits, or NaN?"
        )
    num_classes = probabilities.shape[1]
    scores = torch.as_tensor(probabilities, dtype=torch.float32)
    target = torch.as_tensor(labels, dtype=torch.int64)

    def top(k: int) -> float:
        return multiclass_accuracy(scores, target, num_classes, average="micro", top_k=k).item()

    ece = multiclass_calibration_error(scores.clamp(0, 1), target, num_classes, n_bins=NUM_CALIBRATION_BINS)
    return {
        "top1": top(1),
        **({"top5": top(5)} if num_classes > 5 else {}),
        **_class_means(probabilities.argmax(axis=1), labels),
        "ece": ece.item(),
    }


def per_class_table(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], classes: Sequence[str]
) -> pd.DataFrame:
    """One row per class: ``label``, ``num_clips``, ``recall``, ``precision``, ``f1``; NaN without clips."""
    precision, recall, f1, num_clips = precision_recall_fscore_support(
        labels, probabilities.argmax(axis=1), labels=np.arange(len(classes)), zero_division=0
    )
    table = pd.DataFrame(
        {"label": list(classes), "num_clips": num_clips, "recall": recall, "precision": precision, "f1": f1}
    )
    table.loc[table["num_clips"] == 0, ["recall", "precision", "f1"]] = np.nan
    return table


def confusion(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Counts (classes, classes): the row is the label, and the column is the prediction."""
    classes = np.arange(probabilities.shape[1])
    return confusion_matrix(labels, probabilities.argmax(axis=1), labels=classes)


def baseline_scores(
    train_labels: NDArray[np.integer], test_labels: NDArray[np.integer], num_classes: int
) -> dict[str, dict[str, float]]:
    """Scores without a model: ``chance`` guesses uniformly, ``majority`` always predicts the largest training class.

    Chance is the exact expectation. If several training classes are equally large, the first one is the majority.
    """
    majority = int(np.bincount(train_labels, minlength=num_classes).argmax())
    guess = np.full_like(test_labels, majority)
    chance = 1 / num_classes
    return {
        "chance": {
            "top1": chance,
            "mean_class_accuracy": chance,
            "macro_f1": _expected_macro_f1(test_labels, num_classes),
        },
        "majority": {"top1": float((guess == test_labels).mean()), **_class_means(guess, test_labels)},
    }


def _class_means(predicted: NDArray[np.integer], labels: NDArray[np.integer]) -> dict[str, float]:
    present = np.unique(labels)
    recalls = precision_recall_fscore_support(labels, predicted, labels=present, zero_division=0)[1]
    return {
        "mean_class_accuracy": float(np.mean(recalls)),
        "macro_f1": float(f1_score(labels, predicted, labels=present, average="macro", zero_division=0)),
    }


def _expected_macro_f1(labels: NDArray[np.integer], num_classes: int) -> float:
    """Expected macro-F1 of uniform guesses.

    F1 of a class with n clips is 2 TP / (n + k), where k ~ Binomial(N, 1/classes) is the number of clips with this
    guess. Given k, the expected TP is n k / N, because every k-subset of clips is equally likely.
    """
    num_clips = len(labels)
    guessed = np.arange(num_clips + 1)
    likelihood = binom.pmf(guessed, num_clips, 1 / num_classes)
    sizes = np.unique(labels, return_counts=True)[1][:, None]  # (classes present, 1)
    f1 = 2 * sizes * guessed / num_clips / (sizes + guessed)
    return float((f1 * likelihood).sum(axis=1).mean())

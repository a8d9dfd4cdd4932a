"""Linear heads on frozen embeddings: logistic regression, and its tau-normalisation.

Settings are chosen on validation clips by macro-F1. Class-balanced re-training (cRT, Kang et al., Decoupling
Representation and Classifier, ICLR 2020) draws classes evenly. In expectation, this weights each clip by the inverse
size of its class. Because the problem is convex, the code fits the weighted optimum directly, without random draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.evaluation.tallies import class_scores, tally
from humotion.tasks.action_recognition.training.linear_probe import regularisation_path

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Features (N, C) and labels (N,) of clips."""

    features: Floats
    labels: Ints


class Trial(NamedTuple):
    """Settings that were tried, with their macro-F1 on validation clips."""

    l2: float
    tau: float | None
    macro_f1: float


@dataclass(frozen=True)
class LinearHead:
    """``features @ weight.T + bias``; a class without training clips has a bias of minus infinity.

    Attributes:
        weight: (classes, C).
        bias: (classes,).
        l2: the L2 strength of the fit.
        tau: the exponent of tau-normalisation, None without it.
        trials: all settings that were tried; if their scores are similar, the choice means little.
    """

    weight: Floats
    bias: Floats
    l2: float
    tau: float | None = None
    trials: tuple[Trial, ...] = ()

    def predict(self, features: Floats) -> Ints:
        """Return the class (N,) of each row of features (N, C)."""
        return (features @ self.weight.T + self.bias).argmax(axis=1)


def best_head(
    rows: Rows, validation: Rows, strengths: Sequence[float], num_classes: int, balanced: bool = False
) -> LinearHead:
    """Fit a logistic regression with the L2 strength that is best on validation clips; ties use the largest.

    Args:
        rows: training rows, possibly resampled.
        validation: clips of the validation fold, not resampled.
        strengths: factors on half the squared norm of the weights, added to the mean loss per row.
        num_classes: classes of the dataset.
        balanced: weight rows by the inverse size of their class (cRT).
    """
    path = regularisation_path(rows.features, rows.labels, strengths, num_classes, balanced)
    heads = [LinearHead(step.weight, step.bias, step.l2) for step in path]
    return _best(heads, validation, num_classes)


def best_tau(head: LinearHead, validation: Rows, taus: Sequence[float]) -> LinearHead:
    """Divide a head's weights by the tau-th power of their norm, without bias (Kang et al. 2020, section 4.2).

    tau is the best value on validation clips; ties use the smallest.
    """
    return _best([tau_normalised(head, tau) for tau in sorted(taus)], validation, len(head.bias))


def tau_normalised(head: LinearHead, tau: float) -> LinearHead:
    """Replace each class's weights w by w / |w|^tau, and set biases to 0, except those of untrained classes."""
    norms = np.linalg.norm(head.weight, axis=1, keepdims=True)
    weight = head.weight / np.where(norms > 0, norms, 1) ** tau
    return LinearHead(weight, np.where(np.isfinite(head.bias), 0.0, head.bias), head.l2, tau)


def _best(heads: Sequence[LinearHead], validation: Rows, num_classes: int) -> LinearHead:
    """Return the first head with the largest macro-F1 on validation clips, with all trials."""
    trials = []
    for head in heads:
        predicted = head.predict(validation.features)
        counts = tally(predicted, validation.labels, np.zeros_like(validation.labels), num_classes)[0]
        trials.append(Trial(head.l2, head.tau, float(class_scores(counts)["macro_f1"])))
    chosen = int(np.argmax([trial.macro_f1 for trial in trials]))
    return replace(heads[chosen], trials=tuple(trials))

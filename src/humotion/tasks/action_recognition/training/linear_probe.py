"""A linear probe: how well frozen features separate the classes, without any training of the network.

The probe is a multinomial logistic regression on features that are standardised by the training clips. Its L2 strength
is chosen by cross-entropy on validation clips, because with few clips, top-1 cannot detect a far too confident probe.
The weights include the standardisation. So a probe reads unchanged features, and its weights can be copied into a
network's linear classifier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
MAX_ITERATIONS = 2000
TOLERANCE = 1e-7  # of the gradient; with scikit-learn's 1e-4, weak strengths stop at the previous strength's result
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
NEVER = 10.0  # how far the bias of a class without training clips is below the mean of the other biases


class Trial(NamedTuple):
    """An L2 strength that was tried, with its cross-entropy and top-1 accuracy on validation clips."""

    l2: float
    cross_entropy: float
    top1: float


@dataclass(frozen=True)
class LinearProbe:
    """A linear classifier: logits are ``features @ weight.T + bias``, for unchanged features of the network.

    A class without training clips has weights of 0 and a low, finite bias. It is never the most likely class: the
    largest logit of the others is at least the mean of their logits, which is the mean of their biases.

    Attributes:
        weight: (classes, C) float64.
        bias: (classes,) float64.
        l2: the chosen factor on half the squared norm of the standardised weights, added to the mean loss per clip;
            scikit-learn's ``C`` is 1 / (l2 * clips).
        cross_entropy: cross-entropy on the validation clips that chose the strength.
        top1: top-1 accuracy on the same clips.
        trials: every strength that was tried, largest first.
    """

    weight: Floats
    bias: Floats
    l2: float
    cross_entropy: float
    top1: float
    trials: tuple[Trial, ...]

    def probabilities(self, features: Floats) -> npt.NDArray[np.float64]:
        """Return probabilities (N, classes) for features (N, C)."""
        found: npt.NDArray[np.float64] = softmax(features @ self.weight.T + self.bias, axis=1)
        return found


def fit(
    features: Floats,
    labels: Ints,
    val_features: Floats,
    val_labels: Ints,
    num_classes: int,
    strengths: Sequence[float] = STRENGTHS,
) -> LinearProbe:
    """Fit a probe on training clips, with the strength that has the lowest cross-entropy on validation clips.

    The result is deterministic, because the problem is convex.

    Args:
        features: (N, C) of the training clips.
        labels: (N,) their classes, at least two different ones.
        val_features: (M, C) of the validation clips.
        val_labels: (M,) their classes.
        num_classes: classes of the dataset.
        strengths: L2 strengths to try (see `LinearProbe.l2`).
    """
    scaler = StandardScaler().fit(np.asarray(features, np.float64))
    path = regularisation_path(scaler.transform(features), labels, strengths, num_classes)
    tried = []
    for step in tqdm(path, total=len(strengths), desc="linear probe", unit="fit"):
        weight, bias = _on_raw_features(step, scaler)
        losses = -log_softmax(val_features @ weight.T + bias, axis=1)  # (M, classes)
        cross_entropy = float(losses[np.arange(len(val_labels)), val_labels].mean())
        top1 = float((losses.argmin(axis=1) == val_labels).mean())
        tried.append((Trial(step.l2, cross_entropy, top1), weight, bias))
    trial, weight, bias = min(tried, key=lambda found: found[0].cross_entropy)
    return LinearProbe(weight, bias, *trial, trials=tuple(found[0] for found in tried))


def _on_raw_features(step: Step, scaler: StandardScaler) -> tuple[Floats, Floats]:
    """Include the standardisation in weights and biases, and make the biases of absent classes finite."""
    weight = step.weight / scaler.scale_
    known = np.isfinite(step.bias)
    bias = np.where(known, step.bias, step.bias[known].mean() - NEVER) - weight @ scaler.mean_
    return weight, bias


class Step(NamedTuple):
    """Weights (classes, C) and biases (classes,) at one L2 strength; an absent class has the bias minus infinity."""

    l2: float
    weight: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]


def regularisation_path(
    features: Floats, labels: Ints, strengths: Sequence[float], num_classes: int, balanced: bool = False
) -> Iterator[Step]:
    """Fit a logistic regression at every strength, largest first, so that each start is close to the next optimum.

    Args:
        features: (N, C).
        labels: (N,).
        strengths: factors on half the squared norm of the weights, added to the mean loss per row.
        num_classes: classes of the dataset; the result also includes classes without a row.
        balanced: weight rows by the inverse size of their class.
    """
    weighting: Literal["balanced"] | None = "balanced" if balanced else None
    model = LogisticRegression(class_weight=weighting, max_iter=MAX_ITERATIONS, tol=TOLERANCE, warm_start=True)
    # For two classes, scikit-learn fits the difference w, and we store -w/2 and w/2: half the squared norm.
    halved = 2 if len(np.unique(labels)) == 2 else 1
    for strength in sorted(strengths, reverse=True):
        model.set_params(C=halved / (strength * len(labels))).fit(features, labels)
        yield Step(strength, *_of_all_classes(model, num_classes))


def _of_all_classes(
    model: LogisticRegression, num_classes: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    weight, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    all_weights = np.zeros((num_classes, weight.shape[1]))
    all_biases = np.full(num_classes, -np.inf)
    all_weights[model.classes_], all_biases[model.classes_] = weight, bias
    return all_weights, all_biases

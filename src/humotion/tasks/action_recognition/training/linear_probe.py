"""A linear probe: what frozen features know of the classes without any training of the network.

Multinomial logistic regression on features standardised by the training clips, its L2 strength chosen on validation
clips by cross-entropy: on few clips top-1 takes a probe that is far too sure for an equally good one. The
standardisation is folded into the weights, so that a probe reads features as they come and can be copied into a
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
TOLERANCE = 1e-7  # of the gradient; at scikit-learn's 1e-4 weak strengths stop where the one before them ended
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
NEVER = 10.0  # how far the bias of a class without training clips lies below the mean of the others


class Trial(NamedTuple):
    """A strength that was tried, and the cross-entropy and top-1 accuracy it gave on validation clips."""

    l2: float
    cross_entropy: float
    top1: float


@dataclass(frozen=True)
class LinearProbe:
    """Logits are ``features @ weight.T + bias``, of features as they come from the network.

    A class that training lacked has weights of 0 and a low, finite bias: it is never the likeliest, because the
    largest of the others' logits is at least their mean, which is that of their biases.

    Attributes:
        weight: (classes, C) float64.
        bias: (classes,) float64.
        l2: the chosen factor on half the squared norm of the standardised weights, beside the mean loss of a clip;
            scikit-learn's ``C`` is 1 / (l2 * clips).
        cross_entropy: on the validation clips it was chosen by.
        top1: on the same clips.
        trials: every strength that was tried, largest first.
    """

    weight: Floats
    bias: Floats
    l2: float
    cross_entropy: float
    top1: float
    trials: tuple[Trial, ...]

    def probabilities(self, features: Floats) -> npt.NDArray[np.float64]:
        """(N, classes) of features (N, C)."""
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
    """Fit a probe on training clips, with the strength that gives the least cross-entropy on validation clips.

    There is no chance in it: the problem is convex.

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
    """Weights and biases with the standardisation in them; those of absent classes become finite."""
    weight = step.weight / scaler.scale_
    known = np.isfinite(step.bias)
    bias = np.where(known, step.bias, step.bias[known].mean() - NEVER) - weight @ scaler.mean_
    return weight, bias


class Step(NamedTuple):
    """Weights (classes, C) and biases (classes,) at one L2 strength; minus infinity is the bias of an absent class."""

    l2: float
    weight: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]


def regularisation_path(
    features: Floats, labels: Ints, strengths: Sequence[float], num_classes: int, balanced: bool = False
) -> Iterator[Step]:
    """Logistic regression at every strength, largest first: each start is close to the next optimum.

    Args:
        features: (N, C).
        labels: (N,).
        strengths: factors on half the squared norm of the weights, beside the mean loss of a row.
        num_classes: classes of the dataset; those without a row are in the result too.
        balanced: weight rows inversely by the size of their class.
    """
    weighting: Literal["balanced"] | None = "balanced" if balanced else None
    model = LogisticRegression(class_weight=weighting, max_iter=MAX_ITERATIONS, tol=TOLERANCE, warm_start=True)
    # Of two classes scikit-learn fits the difference w, and we keep -w/2 and w/2: half the squared norm.
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

"""The arithmetic of late fusion: a weighted mean of log-probabilities, and its weights.

The mean of log-probabilities is the logarithm of the geometric mean (a log-linear pool). A class needs some support by
every member, while the arithmetic mean would let one confident member decide alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer]
SMALLEST = 1e-12  # a probability of 0 would forbid a class, whatever the other members say
EQUAL = (0.5, 0.5)


def mixed(members: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Return the probabilities (N, classes) of a fusion.

    Args:
        members: probabilities (N, classes) of each member, for the same clips.
        weights: one per member; they sum to 1.
    """
    return np.asarray(softmax(_scores(members, weights), axis=-1))


def fitted_weights(members: Sequence[Floats], labels: Ints) -> tuple[float, float]:
    """Return the weights of two members with the smallest cross-entropy on clips with these ``labels`` (N,).

    The cross-entropy is convex in the weight, so there is one minimum.
    """
    rows = np.arange(len(labels))

    def cross_entropy(first: float) -> float:
        return float(-log_softmax(_scores(members, (first, 1 - first)), axis=-1)[rows, labels].mean())

    first = float(minimize_scalar(cross_entropy, bounds=(0, 1), method="bounded", options={"xatol": 1e-4}).x)
    return round(first, 3), round(1 - round(first, 3), 3)


def _scores(members: Sequence[Floats], weights: Sequence[float]) -> Floats:
    logs = [weight * np.log(np.maximum(found, SMALLEST)) for found, weight in zip(members, weights, strict=True)]
    return np.asarray(np.sum(logs, axis=0))

"""When an action model says "none": below a confidence at which too few of its answers would be right.

Both numbers come from the validation clips. A temperature divides the log-probabilities (Guo et al., ICML 2017), so
that a confidence of 0.8 means right in 8 of 10 cases. The threshold is the smallest confidence of a validation clip
such that at least `WANTED` of the clips at or above it are right. Two rules keep it honest:

* If no threshold does that, or only one with fewer than `FEWEST` clips, there is none. The model then never answers.
* Even if all clips are right, the threshold is the confidence of the least certain one. What is less certain than
  every validation clip has no clip that speaks for it.

The confidence is about the classes of the training. A movement of no class may look much like one of them: abstention
then answers, and is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from humotion.training.threshold import smallest_threshold

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WANTED = 0.9
"""The share of answers that are right, among those that are given."""
FEWEST = 10
"""Clips at or above a threshold, without which a share of right answers means nothing."""
_COLDEST, _HOTTEST = 0.05, 20.0  # limits of the temperature
_SMALLEST = 1e-12  # of a probability, which may be 0 in float32


@dataclass(frozen=True)
class Abstention:
    """What a model folder has under ``abstention``, and what it was worth on the clips from which it was made.

    Attributes:
        temperature: see `calibrated`.
        threshold: confidence from which on the model answers; None if it never does.
        wanted: the share of right answers that the threshold was made for.
        coverage: share of the clips that are answered.
        accuracy: share of right answers among them; None if there are none.
        num_clips: number of clips.
        num_groups: films or recordings of these clips, which are far fewer than independent draws if clips overlap.
    """

    temperature: float
    threshold: float | None
    wanted: float
    coverage: float
    accuracy: float | None
    num_clips: int
    num_groups: int

    def as_dict(self) -> dict[str, Any]:
        """Return the content of a model folder's ``abstention``."""
        return asdict(self)

    def on(self, probabilities: Floats, labels: Ints, num_groups: int) -> Abstention:
        """Return the same temperature and threshold with what they are worth on other clips, as `abstention_of`."""
        confidence, right = _answers(calibrated(probabilities, self.temperature), labels)
        return _worth(self.temperature, self.threshold, confidence, right, num_groups)


def abstention_of(probabilities: Floats, labels: Ints, num_groups: int) -> Abstention:
    """Choose temperature and threshold on some clips.

    Args:
        probabilities: (N, classes) of the model.
        labels: (N,) the right class of each clip.
        num_groups: films or recordings of the clips.
    """
    temperature = fit_temperature(probabilities, labels)
    confidence, right = _answers(calibrated(probabilities, temperature), labels)
    return _worth(temperature, choose_threshold(confidence, right), confidence, right, num_groups)


def read_abstention(written: Mapping[str, Any]) -> Abstention | None:
    """Return what a model folder has under ``abstention``; None for a folder of an earlier version, which has none."""
    return Abstention(**written) if written else None


def calibrated(probabilities: Floats, temperature: float) -> Floats:
    """Return probabilities (..., classes) at a temperature: above 1, they are closer to each other."""
    return np.asarray(np.exp(_scaled(probabilities, temperature)))


def fit_temperature(probabilities: Floats, labels: Ints) -> float:
    """Return the temperature with the lowest cross-entropy on clips (N, classes) with labels (N,).

    Labels are smoothed by 1 / (N + 2), as Platt (1999) does: N right answers do not prove that the next one is right,
    and without it the best temperature of a model without an error is 0.
    """
    num_clips, num_classes = probabilities.shape
    if num_classes == 1:
        return 1.0
    doubt = 1 / (num_clips + 2)
    targets = np.full((num_clips, num_classes), doubt / (num_classes - 1))
    targets[np.arange(num_clips), labels] = 1 - doubt

    def loss(logarithm: float) -> float:
        return float(-(targets * _scaled(probabilities, np.exp(logarithm))).sum(axis=1).mean())

    found = minimize_scalar(loss, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded")
    return float(np.exp(found.x))


def choose_threshold(confidence: Floats, right: npt.NDArray[np.bool_]) -> float | None:
    """Return the smallest of the confidences (N,) that is a threshold; None if none is. See the module docstring."""
    return smallest_threshold(confidence, right, WANTED, FEWEST)


def _scaled(probabilities: Floats, temperature: float) -> Floats:
    logarithms = np.log(np.maximum(probabilities, _SMALLEST))
    return np.asarray(log_softmax(logarithms / temperature, axis=-1))


def _answers(probabilities: Floats, labels: Ints) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The confidence of each clip, and whether its most likely class is right."""
    return probabilities.max(axis=1), np.asarray(probabilities.argmax(axis=1) == labels)


def _worth(
    temperature: float, threshold: float | None, confidence: Floats, right: npt.NDArray[np.bool_], num_groups: int
) -> Abstention:
    answered = np.zeros(len(right), bool) if threshold is None else confidence >= threshold
    coverage = float(answered.mean()) if len(answered) else 0.0
    accuracy = float(right[answered].mean()) if answered.any() else None
    return Abstention(temperature, threshold, WANTED, coverage, accuracy, len(right), num_groups)

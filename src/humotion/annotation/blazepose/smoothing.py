"""Filters over time: the one-euro filter of points, and the running mean of visibilities.

The one-euro filter (Casiez et al., CHI 2012) is a low-pass filter whose cutoff rises with speed: a point at rest does
not shake, and a fast one is not late. As in MediaPipe, speeds are divided by the size of the person.

Sources: one_euro_filter.cc, low_pass_filter.cc, landmarks_smoothing_calculator.cc and pose_landmark_filtering.pbtxt of
MediaPipe.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OneEuro:
    """The three numbers of a filter, in Hz, and Hz per (object size per second)."""

    min_cutoff: float
    beta: float
    derivative_cutoff: float = 1.0


WORLD = OneEuro(0.1, 40.0)
"""MediaPipe's filter of the points in metres, whose speeds are not divided by a size."""


class PointFilter:
    """A one-euro filter of every coordinate of a set of points; a new one starts where a person is found."""

    def __init__(self, settings: OneEuro) -> None:
        self._settings = settings
        self._raw: Doubles | None = None
        self._smooth: Doubles = np.zeros(0)
        self._speed: Doubles = np.zeros(0)

    def __call__(self, points: npt.NDArray[np.float32], seconds: float, size: float = 1.0) -> npt.NDArray[np.float32]:
        """Filter the points of one frame.

        Args:
            points: of any shape, the same in every frame.
            seconds: since the frame before.
            size: of the person, in the unit of the points; 1 if speeds are not divided by a size.
        """
        value = points.astype(np.float64)
        if self._raw is None:
            self._smooth, self._speed = value, np.zeros_like(value)
        else:
            speed = (value - self._raw) / max(size, 1e-6) / seconds
            self._speed = _mix(self._speed, speed, _weight(self._settings.derivative_cutoff, seconds))
            cutoff = self._settings.min_cutoff + self._settings.beta * np.abs(self._speed)
            self._smooth = _mix(self._smooth, value, _weight(cutoff, seconds))
        self._raw = value
        return self._smooth.astype(np.float32)


class RunningMean:
    """A running mean that gives a new value the weight ``weight``, and takes the first one as it is."""

    def __init__(self, weight: float) -> None:
        self._weight = weight
        self._mean: Doubles | None = None

    def __call__(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The mean with the values of one more frame."""
        new = values.astype(np.float64)
        self._mean = new if self._mean is None else _mix(self._mean, new, self._weight)
        return self._mean.astype(np.float32)


def _weight(cutoff: Doubles | float, seconds: float) -> Doubles:
    """The weight of a new value in a low-pass filter of this cutoff."""
    return np.asarray(1 / (1 + 1 / (2 * np.pi * np.asarray(cutoff) * seconds)))


def _mix(old: Doubles, new: Doubles, weight: Doubles | float) -> Doubles:
    return np.asarray(weight * new + (1 - weight) * old)

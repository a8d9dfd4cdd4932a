"""From the probabilities of windows to actions with a start and an end.

Windows overlap. What is known of a moment is the mean over the windows in which it lies::

    windows     |-------------|
                    |-------------|
                        |-------------|
    moments     |---|---|---|---|---|---|

An action starts where its probability reaches a threshold. It ends where the probability falls below a lower one, or
where another action is above the threshold and more probable (hysteresis), so it does not flicker near the threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.prediction.rows import Rows

Floats = npt.NDArray[np.float64]


class Segment(NamedTuple):
    """An action from ``start`` to ``end``, in seconds of the video, and its mean probability."""

    start: float
    end: float
    label: str
    confidence: float


@dataclass(frozen=True)
class Timeline:
    """What a model says of a video over time.

    Attributes:
        edges: (N + 1,) seconds between which the N moments lie.
        probabilities: (N, classes), calibrated; NaN where nobody was there.
        classes: their names.
        threshold: probability from which on an action is said; None: none is ever said.
        window: seconds of a window.
    """

    edges: Floats
    probabilities: Floats
    classes: Sequence[str]
    threshold: float | None
    window: float

    @property
    def segments(self) -> list[Segment]:
        """The actions, in order of time."""
        if self.threshold is None:
            return []
        return segments_of(self.edges, self.probabilities, self.classes, self.threshold)

    def means(self) -> dict[str, float]:
        """The mean probability of each class over the moments with somebody, the most likely first."""
        seen = self.probabilities[~np.isnan(self.probabilities).any(axis=1)]
        pairs = zip(self.classes, seen.mean(axis=0).tolist() if len(seen) else [0.0] * len(self.classes), strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    def longest(self) -> str | None:
        """The action that takes most of the time; None if there is none."""
        seconds: dict[str, float] = {}
        for one in self.segments:
            seconds[one.label] = seconds.get(one.label, 0.0) + one.end - one.start
        return max(seconds, key=lambda label: seconds[label]) if seconds else None

    def as_dict(self) -> dict[str, Any]:
        """The timeline for programs; a moment without anybody has no probabilities (null)."""
        return {
            "window_seconds": round(self.window, 3),
            "threshold": self.threshold,
            "segments": [
                {**one._asdict(), "start": round(one.start, 3), "end": round(one.end, 3)} for one in self.segments
            ],
            "edges": self.edges.round(3).tolist(),
            "probabilities": Rows(len(self.probabilities), self._moment),
        }

    def _moment(self, number: int) -> dict[str, float] | None:
        row = self.probabilities[number]
        return None if np.isnan(row).any() else dict(zip(self.classes, row.round(4).tolist(), strict=True))


def moments(
    ends: Sequence[float],
    found: Sequence[Floats],
    window: float,
    edges: Floats,
) -> Floats:
    """Return probabilities (N, classes) of the moments between ``edges``, from those of windows.

    Args:
        ends: seconds at which each window ends.
        found: its probabilities (classes,); NaN if nobody was there.
        window: seconds of a window.
        edges: (N + 1,) seconds.

    A moment in which at least half of its windows saw nobody is NaN.
    """
    rows, times = np.stack(found), np.asarray(ends)
    result = np.full((len(edges) - 1, rows.shape[1]), np.nan)
    for number, middle in enumerate((edges[:-1] + edges[1:]) / 2):
        # The moment at a boundary belongs to both windows; the first and last windows also have what lies outside.
        holds = (times - window <= middle + 1e-9) & (middle <= times + 1e-9)
        if not holds.any():
            holds[np.abs(times - window / 2 - middle).argmin()] = True
        here = rows[holds]
        seen = here[~np.isnan(here).any(axis=1)]
        if 2 * len(seen) > len(here):
            result[number] = seen.mean(axis=0)
    return result


def segments_of(edges: Floats, probabilities: Floats, classes: Sequence[str], threshold: float) -> list[Segment]:
    """Return the actions in moments with probabilities (N, classes); see the module docstring."""
    lower = min(threshold, (threshold + 1 / len(classes)) / 2)  # half the way from the threshold to chance
    states: list[int | None] = []
    state: int | None = None
    for row in probabilities:
        if np.isnan(row).any():
            states.append(state := None)
            continue
        if state is not None and row[state] < lower:
            state = None
        best = int(row.argmax())
        if row[best] >= threshold and (state is None or row[best] > row[state]):
            state = best
        states.append(state)
    segments = []
    first = 0
    for number in range(1, len(states) + 1):
        if number == len(states) or states[number] != states[first]:
            label = states[first]
            if label is not None:
                mean = float(probabilities[first:number, label].mean())
                segments.append(Segment(float(edges[first]), float(edges[number]), classes[label], round(mean, 4)))
            first = number
    return segments

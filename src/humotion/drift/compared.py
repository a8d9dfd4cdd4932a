"""How new footage differs from that of a training, measure by measure.

Many videos are compared as a distribution: the shift of the median and Wasserstein's distance, both in robust standard
deviations of the training videos, and the test of Kolmogorov and Smirnov, corrected over the measures by Holm's method.
A few are compared one by one: does a video lie outside of what all training videos are?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import ks_2samp, wasserstein_distance

from humotion.exploration.measures import LOGARITHMIC, MAD_TO_SIGMA, MEASURES

MANY = 5
"""From so many videos on, they are compared as a distribution."""
ALPHA = 0.01
LEAST = 0.5
"""Wasserstein's distance from which on a difference is worth a sentence: half a robust standard deviation."""
OUTSIDE = 0.25
"""How far outside of the range of all training videos a video must lie, in robust standard deviations."""

LABELS: Mapping[str, str] = {
    "short_side": "short side (pixels)",
    "aspect": "width divided by height",
    "fps": "frames per second",
    **MEASURES,
}
"""What is compared, with the names of the axes."""
LOG = (*LOGARITHMIC, "short_side", "aspect", "fps")
_FINEST = {"short_side": 0.05, "aspect": 0.05, "fps": 0.05, "num_frames": 0.05, "sharpness": 0.1}
_FINEST_LEVEL = 2.0
"""The smallest standard deviation, of the logarithm or in levels of 0-255: 29.97 frames per second are 30."""

Floats = npt.NDArray[np.float64]


class Verdict(StrEnum):
    """What is said of a measure."""

    UNLIKE = "unlike"
    HARDLY = "small difference"
    LIKE = "not distinguishable"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True)
class Difference:
    """One measure of new videos, compared with the training videos.

    Attributes:
        measure: a key of `LABELS`.
        verdict: what follows.
        training, new: the known values (N,) and (M,).
        shift: of the median, in robust standard deviations of the training.
        wasserstein: distance of the distributions in the same unit.
        p: of Kolmogorov and Smirnov, corrected by Holm; None if a few videos are compared one by one.
        below, above: videos that lie outside of the range of all training videos.
        why: why the measure is not compared, or not of all videos.
    """

    measure: str
    verdict: Verdict
    training: Floats
    new: Floats
    shift: float = float("nan")
    wasserstein: float = float("nan")
    p: float | None = None
    below: int = 0
    above: int = 0
    why: str = ""


def compare(training: pd.DataFrame, new: pd.DataFrame, why: Mapping[str, str] | None = None) -> list[Difference]:
    """Compare tables of videos with the columns of `LABELS`; one difference per measure.

    Args:
        training: the training videos.
        new: the new ones; NaN where a measure is not known or not comparable.
        why: the reason of such a NaN, per measure.
    """
    found = [_difference(name, training[name], new[name], (why or {}).get(name, "")) for name in LABELS]
    tested = {one.measure: one.p for one in found if one.p is not None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    return [_judged(one, corrected.get(one.measure)) for one in found]


def outside(training: Floats, values: Floats, measure: str) -> npt.NDArray[np.int8]:
    """Return for each value -1 if it lies below all training videos, 1 if above, else 0."""
    known, asked = _scaled(training, measure), _scaled(values, measure)
    margin = OUTSIDE * _spread(known, measure)
    return (asked > known.max() + margin).astype(np.int8) - (asked < known.min() - margin)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number (Holm 1979): the smallest times N, the next times N - 1 ..."""
    order = np.argsort(p_values)
    steps = np.asarray(p_values, float)[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in corrected]


def _difference(measure: str, training: pd.Series, new: pd.Series, why: str) -> Difference:
    """The numbers of one measure, with a p value that is not yet corrected, and without a verdict."""
    known, values = (series.dropna().to_numpy(float) for series in (training, new))
    if not len(known) or not len(values):
        return Difference(measure, Verdict.NOT_COMPARED, known, values, why=why or "it is not known of the videos")
    one, other = _scaled(known, measure), _scaled(values, measure)
    spread, sides = _spread(one, measure), outside(known, values, measure)
    return Difference(
        measure,
        Verdict.LIKE,
        known,
        values,
        shift=float(np.median(other) - np.median(one)) / spread,
        wasserstein=float(wasserstein_distance(one, other)) / spread,
        p=float(ks_2samp(one, other).pvalue) if len(values) >= MANY else None,
        below=int((sides < 0).sum()),
        above=int((sides > 0).sum()),
        why=why,
    )


def _judged(one: Difference, p: float | None) -> Difference:
    if one.verdict is Verdict.NOT_COMPARED:
        return one
    if p is None:
        verdict = Verdict.UNLIKE if one.below or one.above else Verdict.LIKE
    elif p >= ALPHA or one.wasserstein < LEAST / 5:
        verdict = Verdict.LIKE
    else:
        verdict = Verdict.UNLIKE if one.wasserstein >= LEAST else Verdict.HARDLY
    return Difference(**{**one.__dict__, "verdict": verdict, "p": p})


def _scaled(values: Floats, measure: str) -> Floats:
    return np.log(np.maximum(values, 1e-6)) if measure in LOG else values


def _spread(values: Floats, measure: str) -> float:
    """The robust standard deviation of scaled values, but not less than what nobody would see."""
    deviations = np.abs(values - np.median(values))
    return max(
        float(MAD_TO_SIGMA * np.median(deviations) or 1.2533 * deviations.mean()),
        _FINEST.get(measure, _FINEST_LEVEL),
    )

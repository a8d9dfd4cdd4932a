"""A paired bootstrap over groups: is the difference of two systems more than chance?

Clips of one film or recording are similar, so groups are drawn and not clips (the cluster bootstrap). Drawing clips
would count near-copies as independent evidence, and the interval would be too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class BootstrapResult(NamedTuple):
    """The difference a - b and its interval; the ends are NaN if there is only one group."""

    difference: float
    low: float
    high: float

    @property
    def distinguishable(self) -> bool:
        """Whether the interval excludes 0; False without an interval."""
        return self.low > 0 or self.high < 0


def paired_bootstrap(
    score_a: ArrayLike,
    score_b: ArrayLike,
    groups: Sequence[Any] | NDArray[Any],
    seed: int,
    num_resamples: int = 2000,
    weights: ArrayLike | None = None,
    confidence: float = 0.95,
) -> BootstrapResult:
    """Mean of ``score_a - score_b`` over clips, with a percentile interval from resampled groups.

    With scores of 0 for system b, the result is the interval of one system's own mean.

    Args:
        score_a: (N,) score of each clip under system a; 0 or 1 for top-1, a PCK for poses.
        score_b: (N,) the same clips under system b.
        groups: (N,) film or recording of each clip.
        seed: seed of the resampling; equal arguments return equal intervals.
        num_resamples: number of draws; each draws as many groups as there are.
        weights: (N,) weight of each clip, 1 if absent. With the number of joints as weight, the mean of PCKs is the
            pooled PCK. Clips with weight 0 are ignored and may be NaN.
        confidence: coverage of the interval.

    Raises:
        ValueError: lengths differ, no clip has a weight, or a score with a weight is not finite.
    """
    gain = np.asarray(score_a, dtype=np.float64) - np.asarray(score_b, dtype=np.float64)
    weight = np.ones_like(gain) if weights is None else np.asarray(weights, dtype=np.float64)
    codes = np.asarray(groups)
    if not gain.shape == weight.shape == codes.shape:
        raise ValueError(f"lengths differ: scores {gain.shape}, weights {weight.shape}, groups {codes.shape}")
    counts = weight > 0
    gain, weight, codes = gain[counts], weight[counts], codes[counts]
    if not len(gain) or not np.isfinite(gain).all():
        raise ValueError("every clip with a weight needs a finite score, and at least one clip needs a weight")

    _, group = np.unique(codes, return_inverse=True)
    group_gain = np.bincount(group, weights=gain * weight)  # (G,)
    group_weight = np.bincount(group, weights=weight)
    difference = float(group_gain.sum() / group_weight.sum())
    drawn = draw_groups(len(group_gain), seed, num_resamples)
    return percentile_interval(difference, (drawn @ group_gain) / (drawn @ group_weight), len(group_gain), confidence)


def draw_groups(num_groups: int, seed: int, num_resamples: int) -> NDArray[np.int64]:
    """How often each group is drawn, (num_resamples, num_groups); each row draws as many groups as there are."""
    generator = np.random.default_rng(seed)
    rows = (generator.integers(num_groups, size=num_groups) for _ in range(num_resamples))
    return np.stack([np.bincount(row, minlength=num_groups) for row in rows])


def percentile_interval(
    difference: float, resampled: NDArray[np.float64], num_groups: int, confidence: float = 0.95
) -> BootstrapResult:
    """Return a difference with the interval of resampled ones (R,), without NaN; one group has no interval."""
    if num_groups < 2:
        return BootstrapResult(difference, float("nan"), float("nan"))
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(resampled, [tail, 1 - tail])
    return BootstrapResult(difference, float(low), float(high))

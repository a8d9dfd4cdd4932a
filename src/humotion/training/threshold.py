"""The threshold of an abstention: from which score on are enough of a model's answers right?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def smallest_threshold(
    scores: npt.NDArray[np.floating], right: npt.NDArray[np.bool_], wanted: float, fewest: int
) -> float | None:
    """Return the smallest of the scores (N,) such that enough of the answers at or above it are right.

    Args:
        scores: (N,) how sure the model is of each answer, in any unit.
        right: (N,) whether each answer is right.
        wanted: the share of right answers that is enough.
        fewest: number of answers at or above the score, without which their share means nothing.

    Returns:
        One of the scores; None if none is enough.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    number = np.arange(1, len(order) + 1)
    is_last = np.append(ordered[1:] < ordered[:-1], True)[: len(order)]  # equal scores are answered together
    share = np.cumsum(right[order]) / number
    (possible,) = np.nonzero(is_last & (share >= wanted) & (number >= fewest))
    return float(ordered[possible[-1]]) if possible.size else None

"""From joints with tags to people, one kind of joint after the other.

    per joint of the order:  cost of a peak and a person = 100 * round(distance of tags) - score of the peak
                             the cheapest assignment; a peak that is too far from all people starts a new person

A person's tag is the mean tag of the joints it has so far. The published decoder must give a peak to a person while
one is free, and drops the pair afterwards if the tags are too far apart; a stray peak can so take the place of the
right one. Here, no such pair is possible, and each peak may stay alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_FORBIDDEN = 1e9


class Groups(NamedTuple):
    """N people by their joints.

    Attributes:
        peaks: (N, J) the peak that is each joint, -1 for none.
        tags: (N,) mean tag of each person.
    """

    peaks: Ints
    tags: Floats


def group(joint: Ints, scores: Floats, tags: Floats, order: Sequence[int], max_distance: float) -> Groups:
    """Give each of K peaks to one person.

    Args:
        joint: (K,) which joint each peak is, sorted.
        scores: (K,) heat.
        tags: (K,).
        order: all joints, in the order in which they are grouped.
        max_distance: of a tag from a person's, below which the joint can be that person's.
    """
    people = np.full((0, len(order)), -1, np.int64)
    total, count = np.zeros(0), np.zeros(0)
    starts = np.searchsorted(joint, np.arange(len(order) + 1))
    for one in order:
        peaks = np.arange(starts[one], starts[one + 1])
        if not len(peaks):
            continue
        person = _assigned(tags[peaks], scores[peaks], total / count, max_distance)
        new = person < 0
        person[new] = len(people) + np.arange(new.sum())
        people = np.concatenate([people, np.full((new.sum(), len(order)), -1, np.int64)])
        total, count = (np.concatenate([old, np.zeros(new.sum())]) for old in (total, count))
        people[person, one] = peaks
        total[person] += tags[peaks]
        count[person] += 1
    return Groups(people, (total / count).astype(np.float32))


def _assigned(tags: Floats, scores: Floats, people: npt.NDArray[np.float64], max_distance: float) -> Ints:
    """The person (K,) of each of K peaks by the tags (N,) of people, -1 for a new one."""
    away = np.abs(tags[:, None] - people)  # (K, N)
    costs = np.where(away < max_distance, 100 * np.rint(away) - scores[:, None], _FORBIDDEN)
    alone = np.full((len(tags), len(tags)), 100 * (np.rint(max_distance) + 1))
    _, person = linear_sum_assignment(np.concatenate([costs, alone], axis=1))
    return np.where(person < len(people), person, -1)

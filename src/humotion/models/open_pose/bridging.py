"""Parts of one person that no limb can join, because the joint between them was not found.

People are grown along limbs, so everything behind a joint that was not found is left: the knee and the ankle if the
hip is hidden, or the head, each arm and each leg if the neck is. Such parts are joined by where they are:

    A has joint a, B has joint b, both lack joint m, and limbs lead from a to m and from m to b
    the gap is the distance from a to b, as a share of the larger part's size; the smallest gaps are closed first

One of the two must have enough joints to be a person by itself, so that noise makes no people. The other may be a
single joint, if its peak is no lower than half of what the peaks of people are. This is our own: published decoders
leave all parts apart.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from humotion.models.common.peaks import Peaks
from humotion.models.open_pose.assembly import NOTHING, Grown
from humotion.models.open_pose.limbs import Body

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

SURE = 0.5
"""Height of a single joint's peak, as a share of the mean height of the peaks that people have."""


def bridge(people: Grown, tops: Peaks, body: Body, reach: float, min_joints: int) -> Grown:
    """Make one of parts that share no joint, whose gap is at most ``reach``, and one of which has ``min_joints``."""
    if not len(people.members) or not reach:
        return people
    parts = _with_single_joints(people, tops)
    has = parts.members != NOTHING
    one, other, gaps = _gaps(parts, tops, has, body.limbs, min_joints)
    members, totals, owner = parts.members.copy(), parts.totals.copy(), np.arange(len(has))
    for pair in np.argsort(gaps, kind="stable")[: int((gaps <= reach).sum())].tolist():
        a, b = owner[one[pair]], owner[other[pair]]
        if a == b or ((members[a] != NOTHING) & (members[b] != NOTHING)).any():
            continue
        members[a] = np.maximum(members[a], members[b])
        totals[a] += totals[b]
        members[b] = NOTHING
        owner[owner == b] = a
    left = (members != NOTHING).sum(axis=1) > 1
    return Grown(members[left], totals[left])


def _with_single_joints(people: Grown, tops: Peaks) -> Grown:
    """People, and then each high peak that nobody has."""
    used = np.zeros(len(tops.joint), bool)
    used[people.members[people.members != NOTHING]] = True
    alone = np.flatnonzero(~used & (tops.scores >= SURE * tops.scores[used].mean()))
    single = np.full((len(alone), people.members.shape[1]), NOTHING)
    single[np.arange(len(alone)), tops.joint[alone]] = alone
    return Grown(np.concatenate([people.members, single]), np.concatenate([people.totals, tops.scores[alone]]))


@cache
def _ways(limbs: tuple[tuple[int, int], ...]) -> tuple[Ints, Ints, Ints]:
    """All ways a, m, b (W,) along two limbs."""
    ends = [*limbs, *((b, a) for a, b in limbs)]
    ways = [(a, m, b) for a, m in ends for start, b in ends if start == m and b != a]
    a, m, b = np.array(ways, np.int64).reshape(-1, 3).T
    return a, m, b


def _gaps(
    parts: Grown, tops: Peaks, has: Bools, limbs: tuple[tuple[int, int], ...], min_joints: int
) -> tuple[Ints, Ints, Floats]:
    """The numbers (M,) of two parts that are two limbs apart, the first with enough joints, and the gaps."""
    a, m, b = _ways(limbs)
    enough = np.flatnonzero(has.sum(axis=1) >= min_joints)
    open_at = has[enough][:, a] & ~has[enough][:, m]  # (P, W)
    one, other, way = np.nonzero(open_at[:, None] & (has[:, b] & ~has[:, m]))
    one = enough[one]
    apart = tops.cells[parts.members[one, a[way]]] - tops.cells[parts.members[other, b[way]]]
    sizes = _sizes(tops.cells[parts.members], has)
    return one, other, np.hypot(*apart.T) / np.maximum(sizes[one], sizes[other]).clip(1e-6)


def _sizes(places: Floats, has: Bools) -> Floats:
    """The diagonal (N,) of the box around the joints (N, K, 2) that each part has."""
    low = np.where(has[..., None], places, np.inf).min(axis=1)
    return np.asarray(np.hypot(*(np.where(has[..., None], places, -np.inf).max(axis=1) - low).T))

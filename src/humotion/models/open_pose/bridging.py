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
def _ways(limbs: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int, int], ...]:
    """All ways a, m, b along two limbs."""
    ends = [*limbs, *((b, a) for a, b in limbs)]
    return tuple((a, m, b) for a, m in ends for start, b in ends if start == m and b != a)


def _gaps(
    parts: Grown, tops: Peaks, has: Bools, limbs: tuple[tuple[int, int], ...], min_joints: int
) -> tuple[Ints, Ints, Floats]:
    """The numbers (M,) of two parts that are two limbs apart, the first with enough joints, and the gaps."""
    enough = has.sum(axis=1) >= min_joints
    lacked = (~has & enough[:, None]).any(axis=0)
    places = np.where(has[..., None], tops.cells[parts.members], np.nan)  # (N, K, 2)
    sizes = np.linalg.norm(np.nanmax(places, axis=1) - np.nanmin(places, axis=1), axis=-1)
    none = np.zeros(0, np.int64)
    found = [(none, none, np.zeros(0, np.float32))]
    for a, m, b in (way for way in _ways(limbs) if lacked[way[1]]):
        ones = np.flatnonzero(has[:, a] & ~has[:, m] & enough)
        others = np.flatnonzero(has[:, b] & ~has[:, m])
        length = np.linalg.norm(places[ones, None, a] - places[others, b], axis=-1)
        gaps = length / np.maximum(sizes[ones, None], sizes[others]).clip(1e-6)
        found.append((np.repeat(ones, len(others)), np.tile(others, len(ones)), gaps.reshape(-1)))
    one, other, gaps = (np.concatenate(column) for column in zip(*found, strict=True))
    return one, other, gaps

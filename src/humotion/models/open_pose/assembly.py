"""From links to people: limb by limb, as published; then parts of one person are merged, which is not published."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.models.common.peaks import Peaks
from humotion.models.open_pose.limbs import Body
from humotion.models.open_pose.matching import Links, Rule, all_pairs, each_joint_once, links_among

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
NOTHING = -1


class Grown(NamedTuple):
    """N people: the peak of each joint (N, K), `NOTHING` where none is, and the sum (N,) of joint and limb scores."""

    members: Ints
    totals: npt.NDArray[np.float64]


def grow(links: Links, tops: Peaks, body: Body) -> Grown:
    """Put links together to people, in the order of the limbs.

    A link whose start belongs to a person adds its end; if neither end belongs to anybody, it starts a person, or is
    dropped if its limb only completes people. A link between two people makes them one if they share no joint, but not
    by a limb that only completes.
    """
    members: list[dict[int, int] | None] = []
    totals: list[float] = []
    person_of: dict[int, int] = {}
    scores = tops.scores.tolist()
    for limb, start, end, score in zip(*(part.tolist() for part in links), strict=True):
        ends = dict(zip(body.limbs[limb], (start, end), strict=True))
        grows = limb < body.num_growing
        owners = [person_of[peak] for peak in (start, end) if peak in person_of]
        if not owners and grows:
            owners = [len(members)]
            members.append({})
            totals.append(0.0)
        if len(owners) == 1:
            person = owners[0]
            mine = members[person]
            assert mine is not None
            new = {joint: peak for joint, peak in ends.items() if peak not in person_of}
            if new.keys() & mine.keys():
                continue
            mine |= new
            person_of |= dict.fromkeys(new.values(), person)
            totals[person] += score + sum(scores[peak] for peak in new.values())
        elif len(owners) == 2 and grows and owners[0] != owners[1]:
            one, other = members[owners[0]], members[owners[1]]
            assert one is not None and other is not None
            if not one.keys() & other.keys():
                one |= other
                person_of |= dict.fromkeys(other.values(), owners[0])
                totals[owners[0]] += score + totals[owners[1]]
                members[owners[1]] = None
    kept = [(mine, total) for mine, total in zip(members, totals, strict=True) if mine is not None]
    table = np.full((len(kept), len(body.joints)), NOTHING, np.int64)
    for row, (mine, _) in zip(table, kept, strict=True):
        row[list(mine)] = list(mine.values())
    return Grown(table, np.array([total for _, total in kept]))


def merge(people: Grown, fields: Floats, tops: Peaks, body: Body, rule: Rule) -> Grown:
    """Make one of two people who share no joint, and whose joints a limb joins by a rule that asks less.

    The best links are used first. With each, the others are tested again: the person then has more joints.
    """
    owner = np.full(len(tops.joint), NOTHING)
    for person, peaks in enumerate(people.members):
        owner[peaks[peaks != NOTHING]] = person
    has = people.members != NOTHING
    apart = ~(has[:, None] & has[None]).any(axis=2)  # (N, N): they share no joint
    if not apart.any():
        return people
    limb, start, end = all_pairs(tops.joint, body.limbs)
    one, other = owner[start], owner[end]
    possible = (one != NOTHING) & (other != NOTHING)
    possible[possible] = apart[one[possible], other[possible]]
    pairs = (limb[possible], start[possible], end[possible])
    links = each_joint_once(links_among(fields, tops, pairs, rule))
    members, totals = people.members.copy(), people.totals.copy()
    order = np.argsort(-links.scores, kind="stable")
    for start_, end_, score in zip(*(part[order].tolist() for part in links[1:]), strict=True):
        a, b = owner[start_], owner[end_]
        if a == b or ((members[a] != NOTHING) & (members[b] != NOTHING)).any():
            continue
        members[a] = np.maximum(members[a], members[b])
        totals[a] += totals[b] + score
        members[b] = NOTHING
        owner[owner == b] = a
    left = (members != NOTHING).any(axis=1)
    return Grown(members[left], totals[left])

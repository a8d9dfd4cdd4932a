"""OpenPose's decoding with one Python loop step per pair of joints: what tests and benchmarks compare with.

It is written from the description of the method, not from the code in ``models/open_pose``: only the peaks and the
reading of a map between its cells are the same functions. It does not merge parts of a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from humotion.models.common.peaks import peaks, read_between
from humotion.models.common.people_maps import Found
from humotion.models.open_pose.decoding import Decoding
from humotion.models.open_pose.limbs import Body

Floats = npt.NDArray[np.float32]
Link = tuple[int, int, float]
STEPS = 10


@dataclass(eq=False)
class Person:
    """The peak of each joint that was found, and the sum of the scores of joints and limbs."""

    peaks: dict[int, int]
    total: float


def decode_by_loops(heat: Floats, fields: Floats, body: Body, stride: int, decoding: Decoding) -> Found:
    """Return the people of one picture; the arguments are those of `humotion.models.open_pose.decoding.decode`."""
    tops = peaks(heat, decoding.min_joint, decoding.most)
    by_joint = [np.flatnonzero(tops.joint == joint) for joint in range(len(body.joints))]
    people: list[Person] = []
    for limb, (a, b) in enumerate(body.limbs):
        field = fields.reshape(2, -1, *fields.shape[1:])[:, limb]
        links = _links(field, tops.cells, by_joint[a], by_joint[b], decoding)
        for start, end, score in links:
            _add(people, (a, b), (start, end), score, tops.scores, limb < body.num_growing)
    return _result(people, tops.cells, tops.scores, body, stride, decoding)


def _links(
    field: Floats,
    cells: Floats,
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    decoding: Decoding,
) -> list[Link]:
    """The links of one limb, each peak at most once, by falling score."""
    possible: list[Link] = []
    for start in starts:
        for end in ends:
            step = cells[end].astype(float) - cells[start]
            length = float(np.linalg.norm(step))
            if length == 0:
                continue
            points = np.stack([cells[start] + step * number / (STEPS - 1) for number in range(STEPS)])
            x, y = read_between(field, points)
            products = (x * step[0] + y * step[1]) / length
            large = products[products > decoding.min_sample]
            if len(large) / STEPS <= decoding.min_share:
                continue
            score = float(large.mean()) + min(field.shape[1] / 2 / length - 1, 0)
            if score > 0:
                possible.append((int(start), int(end), score))
    chosen: list[Link] = []
    for start, end, score in sorted(possible, key=lambda link: -link[2]):
        if all(start != one and end != other for one, other, _ in chosen):
            chosen.append((start, end, score))
    return chosen


def _add(
    people: list[Person], joints: tuple[int, int], ends: tuple[int, int], score: float, scores: Floats, grows: bool
) -> None:
    """Put one link into the list of people."""
    pair = dict(zip(joints, ends, strict=True))
    having = [person for person in people if any(person.peaks.get(joint) == end for joint, end in pair.items())]
    if not having and grows:
        having = [Person({}, 0.0)]
        people.append(having[0])
    if len(having) == 1:
        person = having[0]
        missing = {joint: end for joint, end in pair.items() if joint not in person.peaks}
        for joint, end in missing.items():
            person.peaks[joint] = end
            person.total += float(scores[end])
        person.total += score if missing else 0
    elif len(having) == 2 and grows:
        one, other = having
        if not set(one.peaks) & set(other.peaks):
            one.peaks |= other.peaks
            one.total += other.total + score
            people.remove(other)


def _result(people: list[Person], cells: Floats, scores: Floats, body: Body, stride: int, decoding: Decoding) -> Found:
    """The people with enough joints and scores, the surest first, with the joints of the data."""
    most = (len(body.joints) + len(body.limbs)) * len(body.joints)
    sure = [
        person
        for person in people
        if len(person.peaks) >= decoding.min_joints and person.total / len(person.peaks) >= decoding.min_person
    ]
    sure.sort(key=lambda person: -person.total * len(person.peaks))
    joints = np.full((len(sure), body.num_given, 2), np.nan, np.float32)
    joint_scores = np.zeros(joints.shape[:2], np.float32)
    for number, person in enumerate(sure):
        for joint, peak in person.peaks.items():
            if joint < body.num_given:
                joints[number, joint] = cells[peak] * stride + (stride - 1) / 2
                joint_scores[number, joint] = scores[peak]
    totals = [person.total * len(person.peaks) / most for person in sure]
    return Found(joints, joint_scores, np.array(totals, np.float32))

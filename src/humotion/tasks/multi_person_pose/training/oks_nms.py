"""One person found twice is one person: suppression by the similarity of poses (OKS)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from humotion.tasks.multi_person_pose.training.oks import oks
from humotion.tasks.multi_person_pose.training.people import People

Floats = npt.NDArray[np.float64]

SIMILAR = 0.9
"""OKS from which on two poses are of one person; the usual value for top-down methods."""


def suppressed(people: People, sigmas: Floats, similar: float = SIMILAR) -> People:
    """Return the people without those who are more similar than ``similar`` to a surer one, the surest first.

    The area in OKS is the mean of the two persons' boxes. A joint that was not found counts where `People.filled`
    places it.
    """
    people = people.only(np.argsort(-people.scores, kind="stable"))
    joints = people.filled()
    keypoints = np.concatenate([joints, np.ones((*joints.shape[:2], 1))], axis=2)
    areas = (people.boxes[:, 2:] - people.boxes[:, :2]).prod(axis=1)
    left = np.ones(len(people), bool)
    for place in range(len(people)):
        if left[place]:
            later = np.flatnonzero(left[place + 1 :]) + place + 1
            shared = (areas[place] + areas[later]) / 2
            likeness = oks(joints[place, None], keypoints[later], shared, people.boxes[later], sigmas)[0]
            left[later[likeness > similar]] = False
    return people.only(left)

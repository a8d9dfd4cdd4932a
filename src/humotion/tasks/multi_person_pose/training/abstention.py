"""Which people and joints a model believes: those with a score from which on most are right on the validation images.

    people    the smallest score such that at least `WANTED` of the people at or above it are right: OKS 0.5 to somebody
              who is labelled, each of whom counts once
    joints    the same of the joints of the people who are believed. A joint is right as PCK@0.2 counts it, by the box;
              all joints of a person who is nobody are wrong, and joints without a label do not count

Scores are no probabilities, and every model has its own scale. A model of crops is shown people, so on its validation
images everybody is there: it has no threshold of people, and its joints alone decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.tasks.multi_person_pose.training.matching import RIGHT, UNKNOWN
from humotion.tasks.multi_person_pose.training.people import People
from humotion.training.threshold import smallest_threshold

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

WANTED = 0.9
"""The share of right people, and of right joints, among those that are believed."""
FEWEST = 50
"""People or joints at or above a threshold, without which a share of right ones means nothing."""


@dataclass(frozen=True)
class PeopleAbstention:
    """What the folder of a model has under ``abstention``, and what it was worth where it was made.

    Attributes:
        person_threshold: score from which on a person is believed; 0 for a model of crops, None if nobody ever is.
        joint_threshold: score from which on a joint of such a person is believed; None if no joint ever is.
        wanted: the share of right ones that the thresholds were made for.
        people: number of people who are believed, and ``right_people`` the share of right ones; None if there are none.
        joints: number of joints that are believed, and ``right_joints`` the share of right ones.
        num_groups: groups of the images.
    """

    person_threshold: float | None
    joint_threshold: float | None
    wanted: float
    people: int
    right_people: float | None
    joints: int
    right_joints: float | None
    num_groups: int

    def as_dict(self) -> dict[str, Any]:
        """Return the content of a model folder's ``abstention``."""
        return asdict(self)

    def on(self, table: pd.DataFrame) -> PeopleAbstention:
        """Return the same thresholds with what they are worth on other images; ``table`` as of `people_abstention`."""
        scores, person_is, joint_scores, joint_is = _columns(table)
        people = person_is[(person_is != UNKNOWN) & _sure(scores, self.person_threshold, len(scores))]
        lowest = np.inf if self.joint_threshold is None else self.joint_threshold
        sure = _sure(scores, self.person_threshold, len(joint_is)) & (joint_scores >= lowest)
        joints = joint_is[sure & (joint_is != UNKNOWN)]
        thresholds = self.person_threshold, self.joint_threshold, self.wanted
        groups = table["group"].nunique()
        return PeopleAbstention(*thresholds, *_worth(people == RIGHT), *_worth(joints == RIGHT), groups)

    def believed(self, people: People) -> tuple[Bools, Bools]:
        """Return which people (N,) and which of their joints (N, J) are believed.

        A person without a believed joint is not believed.
        """
        if self.person_threshold is None or self.joint_threshold is None:
            return np.zeros(len(people), bool), np.zeros(people.joint_scores.shape, bool)
        known = np.isfinite(people.joints).all(axis=2)
        sure = np.ones(len(people), bool) if not self.person_threshold else people.scores >= self.person_threshold
        joints = (people.joint_scores >= self.joint_threshold) & known & sure[:, None]
        return np.asarray(joints.any(axis=1)), np.asarray(joints)


def people_abstention(table: pd.DataFrame, in_crops: bool) -> PeopleAbstention:
    """Choose the thresholds by the images of a table; see `humotion.tasks.multi_person_pose.training.scores`.

    Args:
        table: ``scores`` (D,), ``person_is`` (D,), ``joint_scores`` and ``joint_is`` (D * J,) of each image.
        in_crops: whether the model was shown one person at a time.
    """
    scores, person_is, joint_scores, joint_is = _columns(table)
    counts = person_is != UNKNOWN
    least = 0.0 if in_crops else smallest_threshold(scores[counts], person_is[counts] == RIGHT, WANTED, FEWEST)
    judged = _sure(scores, least, len(joint_is)) & (joint_is != UNKNOWN)
    lowest = smallest_threshold(joint_scores[judged], joint_is[judged] == RIGHT, WANTED, FEWEST)
    return PeopleAbstention(least, lowest, WANTED, 0, None, 0, None, 0).on(table)


def _columns(table: pd.DataFrame) -> tuple[Floats, ...]:
    """The columns of a table that say what was found, each of all images together."""
    names = ("scores", "person_is", "joint_scores", "joint_is")
    return tuple(np.concatenate([*table[name], []]).astype(float) for name in names)


def _sure(scores: Floats, least: float | None, num_joints: int) -> Bools:
    """Whether each of the joints of all people together is of somebody who is believed."""
    sure = np.zeros(len(scores), bool) if least is None else scores >= least
    return np.repeat(sure, num_joints // max(len(scores), 1))


def _worth(right: Bools) -> tuple[int, float | None]:
    """How many are believed, and the share of right ones."""
    return len(right), float(right.mean()) if len(right) else None


def read_people_abstention(written: Mapping[str, Any]) -> PeopleAbstention | None:
    """Return what a model folder has under ``abstention``; None for a folder that has none."""
    return PeopleAbstention(**written) if written else None

"""Which joints a pose model believes: those with a score from which on most joints of the validation clips are right.

The score of a joint is the peak of its map. It is no probability, and every model has its own scale. So each training
chooses a threshold on its validation clips: the smallest score such that at least `WANTED` of the joints at or above it
are right. A joint is right as PCK@0.2 counts it: within 0.2 of the longer side of the labelled box. If no threshold
does that, or only one with fewer than `FEWEST` joints, there is none, and the model believes no joint.

The joints of one clip are much alike, so the number of groups says more than that of the joints. The share is about
footage like the validation clips, with labelled boxes. Of other footage it says little: a model may be sure and wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from humotion.training.threshold import smallest_threshold

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

WANTED = 0.9
"""The share of right joints, among those that are believed."""
FEWEST = 100
"""Joints at or above a threshold, without which a share of right ones means nothing."""


@dataclass(frozen=True)
class JointAbstention:
    """What the folder of a pose model has under ``abstention``, and what it was worth where it was made.

    Attributes:
        threshold: score from which on a joint is believed; None if no joint ever is.
        wanted: the share of right joints that the threshold was made for.
        coverage: share of the joints that are believed.
        accuracy: share of right joints among them; None if there are none.
        num_joints: number of joints that counted.
        num_groups: films or recordings of their clips.
    """

    threshold: float | None
    wanted: float
    coverage: float
    accuracy: float | None
    num_joints: int
    num_groups: int

    def as_dict(self) -> dict[str, Any]:
        """Return the content of a model folder's ``abstention``."""
        return asdict(self)

    def on(self, scores: Floats, right: Bools, num_groups: int) -> JointAbstention:
        """Return the same threshold with what it is worth on other joints; arguments as of `joint_abstention`."""
        believed = self.believed(scores)
        coverage = float(believed.mean()) if len(believed) else 0.0
        accuracy = float(right[believed].mean()) if believed.any() else None
        return JointAbstention(self.threshold, self.wanted, coverage, accuracy, len(right), num_groups)

    def believed(self, scores: Floats) -> Bools:
        """Return which joints are believed, in the shape of their ``scores``."""
        return np.zeros(scores.shape, bool) if self.threshold is None else np.asarray(scores >= self.threshold)


def joint_abstention(scores: Floats, right: Bools, num_groups: int) -> JointAbstention:
    """Choose the threshold on some joints.

    Args:
        scores: (N,) peaks of the joints' maps.
        right: (N,) whether each joint is where its label is.
        num_groups: films or recordings of the joints' clips.
    """
    rule = JointAbstention(choose_threshold(scores, right), WANTED, 0.0, None, 0, 0)
    return rule.on(scores, right, num_groups)


def choose_threshold(scores: Floats, right: Bools) -> float | None:
    """Return the smallest of the scores (N,) that is a threshold; None if none is. See the module docstring."""
    return smallest_threshold(scores, right, WANTED, FEWEST)


def read_joint_abstention(written: Mapping[str, Any]) -> JointAbstention | None:
    """Return what a model folder has under ``abstention``; None for a folder of an earlier version, which has none."""
    return JointAbstention(**written) if written else None

"""The joint sets of the pose datasets: names, bones for drawing, mirror images, and what their scores count.

Left and right are the person's own (anatomical), as in COCO.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scored = Literal["visible", "labelled"]

# The columns of published tables; what a skeleton has beside them (neck, belly) is in no column.
_GROUPS = {
    "head": ("head", "face"),
    **{part: (f"r_{part}", f"l_{part}") for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")},
}


@dataclass(frozen=True)
class Skeleton:
    """A named joint set.

    Attributes:
        name: of the dataset that it belongs to.
        joints: names, in the order of every joint axis.
        edges: the bones as pairs of joint indices.
        flip: ``flip[j]`` is the index of joint ``j`` after mirroring the image.
        torso: the two joints whose distance is the torso's length: a shoulder and the opposite hip, as in the
            torso mode of the official code of LSTM Pose Machines (1-based joints 3 and 8 of Penn Action, 5 and
            6 of JHMDB).
        groups: the columns of published tables, left and right together, as (name, joint indices).
        scored: which joints the dataset's scores count: those marked visible, or every labelled one.
    """

    name: str
    joints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    flip: tuple[int, ...]
    torso: tuple[int, int]
    groups: tuple[tuple[str, tuple[int, ...]], ...]
    scored: Scored


def _skeleton(name: str, joints: tuple[str, ...], bones: tuple[tuple[str, str], ...], scored: Scored) -> Skeleton:
    index = {joint: i for i, joint in enumerate(joints)}
    swap = {"r_": "l_", "l_": "r_"}
    flip = tuple(index[swap.get(joint[:2], joint[:2]) + joint[2:]] for joint in joints)
    edges = tuple((index[a], index[b]) for a, b in bones)
    torso = index["l_shoulder"], index["r_hip"]
    groups = tuple(
        (group, tuple(index[joint] for joint in members if joint in index)) for group, members in _GROUPS.items()
    )
    return Skeleton(name, joints, edges, flip, torso, groups, scored)


PENN_ACTION_FIRST_SIDE = "r"
"""Which side of the person the first joint of each of Penn Action's pairs is: disputed, so decided here.

The dataset's README says the left. Its labels say the right. Measured over all 2,326 label files, as the
mean over clips of sign(x of first - x of second), where both are labelled: the first shoulder lies at the
image's left where ``pose`` is "front" (-0.92, 567 clips; hips -0.92, 509) and at its right where it is
"back" (+0.57, 598 clips; hips +0.68, 600), as the right side of a person does who faces the camera or
turns the back on it. The official LSTM Pose Machines code agrees with the labels. A test measures again.
"""

_PENN_ACTION_PAIRS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_PENN_ACTION_SIDES = (PENN_ACTION_FIRST_SIDE, {"r": "l", "l": "r"}[PENN_ACTION_FIRST_SIDE])

PENN_ACTION = _skeleton(
    "penn_action",
    ("head", *(f"{side}_{part}" for part in _PENN_ACTION_PAIRS for side in _PENN_ACTION_SIDES)),
    (
        *(("head", "r_shoulder"), ("head", "l_shoulder"), ("r_shoulder", "l_shoulder")),
        *(("r_shoulder", "r_elbow"), ("r_elbow", "r_wrist"), ("l_shoulder", "l_elbow")),
        *(("l_elbow", "l_wrist"), ("r_shoulder", "r_hip"), ("l_shoulder", "l_hip"), ("r_hip", "l_hip")),
        *(("r_hip", "r_knee"), ("r_knee", "r_ankle"), ("l_hip", "l_knee"), ("l_knee", "l_ankle")),
    ),
    scored="visible",
)
"""Penn Action's 13 joints (Zhang, Zhu and Derpanis, ICCV 2013), in the order of its label files."""

JHMDB = _skeleton(
    "jhmdb",
    (
        *("neck", "belly", "face", "r_shoulder", "l_shoulder", "r_hip", "l_hip", "r_elbow", "l_elbow"),
        *("r_knee", "l_knee", "r_wrist", "l_wrist", "r_ankle", "l_ankle"),
    ),
    (
        *(("face", "neck"), ("neck", "belly"), ("neck", "r_shoulder"), ("neck", "l_shoulder")),
        *(("r_shoulder", "r_elbow"), ("r_elbow", "r_wrist"), ("l_shoulder", "l_elbow")),
        *(("l_elbow", "l_wrist"), ("belly", "r_hip"), ("belly", "l_hip")),
        *(("r_hip", "r_knee"), ("r_knee", "r_ankle"), ("l_hip", "l_knee"), ("l_knee", "l_ankle")),
    ),
    scored="labelled",
)
"""JHMDB's 15 joints (Jhuang et al., ICCV 2013), in the order of ``joint_positions.mat``."""

SKELETONS: dict[str, Skeleton] = {skeleton.name: skeleton for skeleton in (PENN_ACTION, JHMDB)}

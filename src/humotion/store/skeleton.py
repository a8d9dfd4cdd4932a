"""The joint set of a dataset: names, bones for drawing, mirror images, and which joints its scores count.

A dataset's layout defines it. It is stored with the data, as JSON in the frame store and in the meta.json of
an experiment's clips, so that no later stage needs to know the dataset. Left and right are the person's own
(anatomical), as in COCO.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Scored = Literal["visible", "labelled"]

# The columns of published tables. The other joints of a skeleton (neck, belly) are in no column.
_GROUPS = {
    "head": ("head", "face"),
    **{part: (f"r_{part}", f"l_{part}") for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")},
}


@dataclass(frozen=True)
class Skeleton:
    """A named joint set.

    Attributes:
        name: the dataset that it belongs to.
        joints: names, in the order of every joint axis.
        edges: the bones as pairs of joint indices.
        flip: ``flip[j]`` is the index of joint ``j`` after mirroring the image.
        torso: the two joints whose distance is the torso's length: a shoulder and the opposite hip, as in the
            torso mode of the official code of LSTM Pose Machines (1-based joints 3 and 8 of Penn Action, 5 and
            6 of JHMDB). None if the joint set lacks them.
        groups: the columns of published tables, left and right together, as (name, joint indices).
        scored: which joints the dataset's scores count: those marked visible, or every labelled one.
        dimensions: the number of coordinates of a position, D: 2 for x, y in pixels of the frame, 3 with a depth.
    """

    name: str
    joints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    flip: tuple[int, ...]
    torso: tuple[int, int] | None
    groups: tuple[tuple[str, tuple[int, ...]], ...]
    scored: Scored
    dimensions: int = 2

    def as_dict(self) -> dict[str, Any]:
        """A dict for JSON; `from_dict` reads it again."""
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Skeleton:
        """The skeleton from a dict that `as_dict` wrote; JSON has lists in place of tuples."""
        return cls(**{key: _tuples(value) for key, value in facts.items()})


def skeleton_of(name: str, joints: tuple[str, ...], bones: tuple[tuple[str, str], ...], scored: Scored) -> Skeleton:
    """A skeleton from the names of its joints; ``r_`` and ``l_`` mark the person's right and left."""
    index = {joint: i for i, joint in enumerate(joints)}
    swap = {"r_": "l_", "l_": "r_"}
    has_torso = {"l_shoulder", "r_hip"} <= index.keys()
    groups = ((group, tuple(index[joint] for joint in members if joint in index)) for group, members in _GROUPS.items())
    return Skeleton(
        name=name,
        joints=joints,
        edges=tuple((index[a], index[b]) for a, b in bones),
        flip=tuple(index[swap.get(joint[:2], joint[:2]) + joint[2:]] for joint in joints),
        torso=(index["l_shoulder"], index["r_hip"]) if has_torso else None,
        groups=tuple((group, members) for group, members in groups if members),
        scored=scored,
    )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value

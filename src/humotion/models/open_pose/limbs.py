"""The joints and limbs of OpenPose, for any set of joints.

OpenPose starts at the neck, from which limbs lead to the shoulders, hips and nose. COCO has no neck: it is then the
middle of the shoulders, known only if both are, and no result has it. Source: the network published for COCO.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_PAIRS = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
COCO = ("nose", *(f"{side}_{part}" for part in _PAIRS for side in "lr"))
"""COCO's 17 joints in its order; left and right are the person's own."""

NECK = "neck"
_NECKS = (NECK, "upper_neck", "head_bottom")  # one place with the names of CrowdPose, MPII and PoseTrack
_GROWING = (
    *(("neck", "r_shoulder"), ("neck", "l_shoulder"), ("r_shoulder", "r_elbow"), ("r_elbow", "r_wrist")),
    *(("l_shoulder", "l_elbow"), ("l_elbow", "l_wrist"), ("neck", "r_hip"), ("r_hip", "r_knee")),
    *(("r_knee", "r_ankle"), ("neck", "l_hip"), ("l_hip", "l_knee"), ("l_knee", "l_ankle")),
    *(("neck", "nose"), ("nose", "r_eye"), ("r_eye", "r_ear"), ("nose", "l_eye"), ("l_eye", "l_ear")),
)
_WITHOUT_EYES = (("nose", "r_ear"), ("nose", "l_ear"))
_COMPLETING = (("r_shoulder", "r_ear"), ("l_shoulder", "l_ear"))
_NEEDED = frozenset(("l_shoulder", "r_shoulder"))  # for a neck that the data lacks


class Body(NamedTuple):
    """K joints and L limbs.

    Attributes:
        joints: K names: those of the data in their order, then the neck if it is added.
        num_given: joints of the data.
        shoulders: the two joints whose middle is the added neck; none if the data has a neck, or lacks a shoulder.
        limbs: L pairs of joints, in the order of the maps, in which people grow too.
        num_growing: the limbs that can start a person; the last ones only complete people.
    """

    joints: tuple[str, ...]
    num_given: int
    shoulders: tuple[int, int] | None
    limbs: tuple[tuple[int, int], ...]
    num_growing: int


def body_of(names: Sequence[str]) -> Body:
    """Return joints and limbs of a set of joints; the 19 limbs of OpenPose for COCO's.

    Limbs of joints that the set lacks are left out. Parts of the body that are then apart are joined by a limb from
    the neck, or else from the first joint.

    Raises:
        ValueError: there are no two joints, or a name is there twice.
    """
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"limbs need at least two joints with different names, not {list(names)}")
    known = [NECK if name in _NECKS and name == _first_neck(names) else name for name in names]
    shoulders = None
    if NECK not in known and set(known) >= _NEEDED:
        shoulders = (known.index("l_shoulder"), known.index("r_shoulder"))
        known.append(NECK)
    growing = [pair for pair in _GROWING if set(pair) <= set(known)]
    growing += [pair for pair in _WITHOUT_EYES if set(pair) <= set(known) and pair[1] not in _ends(growing)]
    root = NECK if NECK in known else known[0]
    growing += [(root, first) for first in _apart(known, growing, root)]
    limbs = [*growing, *(pair for pair in _COMPLETING if set(pair) <= set(known))]
    pairs = tuple((known.index(a), known.index(b)) for a, b in limbs)
    return Body((*names, *known[len(names) :]), len(names), shoulders, pairs, len(growing))


def _first_neck(names: Sequence[str]) -> str | None:
    return next((name for name in _NECKS if name in names), None)


def _ends(limbs: Sequence[tuple[str, str]]) -> set[str]:
    return {name for pair in limbs for name in pair}


def _apart(names: Sequence[str], limbs: Sequence[tuple[str, str]], root: str) -> list[str]:
    """The first joint of each part of the body that no limb joins with ``root``."""
    part = {name: {name} for name in names}
    for a, b in limbs:
        together = part[a] | part[b]
        part.update(dict.fromkeys(together, together))
    seen, firsts = set(part[root]), []
    for name in [*(a for a, _ in limbs), *names]:  # a limb's start before its end
        if name not in seen:
            firsts.append(name)
            seen |= part[name]
    return firsts

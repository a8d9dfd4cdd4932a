"""The tree over the joints along which PersonLab goes from joint to joint, for any set of joints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_PAIRS = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
JOINTS = ("nose", *(f"{side}_{part}" for part in _PAIRS for side in "lr"))
"""COCO's 17 joints in its order; left and right are the person's own."""

Edges = tuple[tuple[int, int], ...]

_HEAD = ("nose", "face", "head", "head_top")
_NECK = ("head_bottom", "neck", "upper_neck")
_SIDES: Mapping[str, tuple[str, ...]] = {
    "eye": _HEAD,
    "ear": ("@eye",),
    "shoulder": ("thorax",),
    "elbow": ("@shoulder",),
    "wrist": ("@elbow",),
    "hip": ("pelvis", "belly", "@shoulder"),
    "knee": ("@hip",),
    "ankle": ("@knee",),
}


def _parents() -> Mapping[str, tuple[str, ...]]:
    """Of each joint, those to which it may hang, the best one first; each stands after all of its own."""
    found: dict[str, tuple[str, ...]] = {name: _HEAD[:place] for place, name in enumerate(_HEAD)}

    def pairs(*parts: str) -> None:
        for side in "lr":
            for part in parts:
                found[f"{side}_{part}"] = tuple(name.replace("@", f"{side}_") for name in _SIDES[part])

    pairs("eye", "ear")
    found |= {name: (*_NECK[:place], *_HEAD) for place, name in enumerate(_NECK)}
    found |= {"thorax": _NECK, "pelvis": ("thorax",), "belly": ("pelvis", "thorax")}
    pairs("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    return found


_PARENTS = _parents()


def tree_of(names: Sequence[str]) -> Edges:
    """Return the edges of a set of joints, from parent to child, each parent before its children.

    A joint hangs to the next one on its way to the head that the set has: an ear to the eye, or else to the nose. What
    has no such joint, and what has another name than those that are known here, hangs to the root. The root is the
    first known joint: for COCO the nose, for CrowdPose the head.
    """
    order = [name for name in _PARENTS if name in names]
    order += [name for name in names if name not in _PARENTS]
    places = {name: place for place, name in enumerate(names)}
    return tuple((places[_parent(name, places) or order[0]], places[name]) for name in order[1:])


def _parent(name: str, known: Mapping[str, int]) -> str | None:
    """The nearest joint towards the head that is known."""
    above = _PARENTS.get(name, ())
    direct = (one for one in above if one in known)
    through = (found for one in above if (found := _parent(one, known)) is not None)
    return next(direct, None) or next(through, None)


EDGES = tree_of(JOINTS)
"""COCO's 16 edges, in the order of the published network's channels."""


class Walk(NamedTuple):
    """How to go along a tree.

    Attributes:
        parents: (J,) the parent of each joint; -1 for the root.
        above: (J,) the edge from the parent; -1 for the root.
        down: the joints (K,) at each distance from the root, the nearest ones first.
    """

    parents: npt.NDArray[np.int64]
    above: npt.NDArray[np.int64]
    down: tuple[npt.NDArray[np.int64], ...]


@cache
def walk_of(edges: Edges) -> Walk:
    """Return the ways up and down a tree, so that all edges at one distance from the root are gone along together."""
    parents = np.full(len(edges) + 1, -1, np.int64)
    above, depth = parents.copy(), np.zeros(len(edges) + 1, np.int64)
    for edge, (parent, child) in enumerate(edges):
        parents[child], above[child], depth[child] = parent, edge, depth[parent] + 1
    down = tuple(np.flatnonzero(depth == step) for step in range(1, int(depth.max()) + 1))
    return Walk(parents, above, down)

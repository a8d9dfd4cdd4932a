"""The joints of COCO in its order, and the tree over them along which PersonLab goes from joint to joint."""

from __future__ import annotations

from itertools import pairwise

_PAIRS = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
JOINTS = ("nose", *(f"{side}_{part}" for part in _PAIRS for side in "lr"))
"""17 joints; left and right are the person's own."""

_CHAINS = tuple(
    chain
    for side in "lr"
    for chain in (
        ("nose", f"{side}_eye", f"{side}_ear"),
        ("nose", f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist"),
        (f"{side}_shoulder", f"{side}_hip", f"{side}_knee", f"{side}_ankle"),
    )
)
_ORDER = (0, 3, 1, 2, 4, 5)  # both chains of the head, then the left half of the body, then the right one

EDGES = tuple((JOINTS.index(a), JOINTS.index(b)) for number in _ORDER for a, b in pairwise(_CHAINS[number]))
"""16 edges from parent to child; every joint but the nose is a child once. The order of the networks' channels."""

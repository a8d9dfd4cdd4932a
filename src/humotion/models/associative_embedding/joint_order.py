"""In which order the joints of a joint set are grouped: first those that are seen best, last the ends of the limbs."""

from __future__ import annotations

from collections.abc import Sequence

COCO = (
    *("nose", "l_eye", "r_eye", "l_ear", "r_ear", "l_shoulder", "r_shoulder", "l_elbow", "r_elbow"),
    *("l_wrist", "r_wrist", "l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle"),
)
"""The joints of COCO in its order: the published model has them."""

_ORDER = (
    *("nose", "l_eye", "r_eye", "l_ear", "r_ear"),
    *("head", "head_top", "upper_neck", "neck", "head_bottom"),  # not of COCO: as near to the face as can be
    *("l_shoulder", "r_shoulder", "thorax", "l_hip", "r_hip", "pelvis"),
    *("l_elbow", "r_elbow", "l_wrist", "r_wrist", "l_knee", "r_knee", "l_ankle", "r_ankle"),
)


def joint_order(names: Sequence[str]) -> list[int]:
    """The places of all joints in the published order, as far as it has them; the others follow in their own order."""
    rank = {name: place for place, name in enumerate(_ORDER)}
    return sorted(range(len(names)), key=lambda place: rank.get(names[place], len(_ORDER)))

"""The 13 joints of the body that most joint sets share, so that what was learnt on one set can be used with another."""

from __future__ import annotations

from itertools import pairwise

from humotion.errors import HumotionError
from humotion.store.skeleton import Skeleton, skeleton_of

HEADS = ("nose", "head", "face")
LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")


def body_joints(skeleton: Skeleton) -> Skeleton:
    """Return the 13 joints that most joint sets share: a head, shoulders, elbows, wrists, hips, knees and ankles.

    Raises:
        HumotionError: the joint set lacks one of them.
    """
    head = next((name for name in HEADS if name in skeleton.joints), HEADS[0])
    names = (head, *(f"{side}_{limb}" for limb in LIMBS for side in "rl"))
    if absent := sorted(set(names) - set(skeleton.joints)):
        raise HumotionError(
            f"joints is body, but the joint set {skeleton.name!r} has no {', '.join(absent)}. Set it to all."
        )
    bones = [(head, "r_shoulder"), (head, "l_shoulder"), ("r_shoulder", "l_shoulder"), ("r_hip", "l_hip")]
    for side in "rl":
        chain = [f"{side}_{part}" for part in ("shoulder", "elbow", "wrist")]
        leg = [f"{side}_{part}" for part in ("shoulder", "hip", "knee", "ankle")]
        bones += [*pairwise(chain), *pairwise(leg)]
    return skeleton_of(f"{skeleton.name}, body", names, tuple(bones), skeleton.scored)

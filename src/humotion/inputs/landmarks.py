"""The landmarks of one person over time, without a picture: of the experiment's layer, or as the dataset shipped them.

Every video with a layer gets a clip, even if nobody was found in it: its landmarks are zeros, and none is known. In
training, one draw per sample mirrors, turns and scales the clip, and moves the times, as for frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from humotion.clips.augment import Policy
from humotion.clips.landmarks import VALUES, Landmarks, joint_set, make_landmarks, people_with_joints
from humotion.params.experiment import AugmentParams
from humotion.params.inputs import LandmarkParams
from humotion.store.skeleton import Skeleton

HAS_JOINTS = False  # no policy moves them: see `augment.geometry`
NOBODY = "no joints"

people_in, skeleton_of_samples = people_with_joints, joint_set


def facts(augment: AugmentParams, skeleton: Skeleton | None) -> dict[str, Any]:
    """Return what a model must know: the number of joints and of values of each, and the bones."""
    shown = make(augment, skeleton).skeleton
    assert isinstance(augment, LandmarkParams)
    return {
        "num_joints": len(shown.joints),
        "dimensions": VALUES[augment.values],
        "edges": [list(edge) for edge in shown.edges],
    }


def make(
    augment: AugmentParams, skeleton: Skeleton | None, policy: Policy | None = None, place: float = 0.5
) -> Landmarks:
    """See `humotion.clips.input.Input`; there is no crop, so ``place`` has no effect."""
    assert isinstance(augment, LandmarkParams)
    return make_landmarks(augment, skeleton, training=policy is not None, needed_by="landmarks")


def for_prediction(preprocessing: Mapping[str, Any]) -> Landmarks:
    """See `humotion.clips.input.Input`; ``skeleton`` is the joint set of the training, as a dict."""
    known = LandmarkParams.model_fields
    settings = LandmarkParams(**{key: value for key, value in preprocessing.items() if key in known})
    return make(settings, Skeleton.from_dict(preprocessing["skeleton"]))

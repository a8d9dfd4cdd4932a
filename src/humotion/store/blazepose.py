"""The 33 landmarks of MediaPipe's pose model, in its order. Left and right are the person's own."""

from __future__ import annotations

from dataclasses import replace

from humotion.store.skeleton import skeleton_of

_PAIRS = ("shoulder", "elbow", "wrist", "pinky", "index", "thumb", "hip", "knee", "ankle", "heel", "foot_index")
JOINTS = (
    "nose",
    *(f"{side}_eye{part}" for side in "lr" for part in ("_inner", "", "_outer")),
    *("l_ear", "r_ear", "l_mouth", "r_mouth"),
    *(f"{side}_{part}" for part in _PAIRS for side in "lr"),
)
NUM_LANDMARKS = len(JOINTS)  # 33
_OF_A_SIDE = (
    *(("nose", "*_eye_inner"), ("*_eye_inner", "*_eye"), ("*_eye", "*_eye_outer"), ("*_eye_outer", "*_ear")),
    *(("*_shoulder", "*_elbow"), ("*_elbow", "*_wrist")),
    *(("*_wrist", "*_pinky"), ("*_wrist", "*_index"), ("*_wrist", "*_thumb"), ("*_pinky", "*_index")),
    *(("*_shoulder", "*_hip"), ("*_hip", "*_knee"), ("*_knee", "*_ankle")),
    *(("*_ankle", "*_heel"), ("*_heel", "*_foot_index"), ("*_ankle", "*_foot_index")),
)
_ACROSS = (("l_mouth", "r_mouth"), ("l_shoulder", "r_shoulder"), ("l_hip", "r_hip"))
_BONES = (*((a.replace("*", s), b.replace("*", s)) for s in "lr" for a, b in _OF_A_SIDE), *_ACROSS)

SKELETON = replace(skeleton_of("blazepose", JOINTS, _BONES, "visible"), dimensions=3)
"""33 joints and 35 bones; a position is x, y and a depth."""

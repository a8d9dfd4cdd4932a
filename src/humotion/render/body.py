"""The performer's body: bone lengths, forward kinematics, and the solids that represent flesh.

A solid is a rounded cone (two spheres and the cone around them) in the frame of its bone. It is squashed
along the bone's axes, because chest, hands and head are not round. Bone lengths are those of the
DeepMimic humanoid, to which the motion-capture clips were fitted, times random proportions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from humotion.render.motion import BONE, BONES

Floats = NDArray[np.float64]

#: The joints of the labels, in the order of Penn Action: the first of each pair is the anatomical right.
JOINTS = (
    "head", "r_shoulder", "l_shoulder", "r_elbow", "l_elbow", "r_wrist", "l_wrist",
    "r_hip", "l_hip", "r_knee", "l_knee", "r_ankle", "l_ankle",
)  # fmt: skip

_PARENT = {
    "chest": "root", "neck": "chest",
    "r_hip": "root", "r_knee": "r_hip", "r_ankle": "r_knee", "r_shoulder": "chest", "r_elbow": "r_shoulder",
    "l_hip": "root", "l_knee": "l_hip", "l_ankle": "l_knee", "l_shoulder": "chest", "l_elbow": "l_shoulder",
}  # fmt: skip


@dataclass(frozen=True)
class Proportions:
    """Factors on lengths and girths; 1 everywhere is the DeepMimic humanoid."""

    scale: float = 1.0
    legs: float = 1.0
    arms: float = 1.0
    shoulders: float = 1.0
    hips: float = 1.0
    girth: float = 1.0
    head: float = 1.0

    @classmethod
    def random(cls, rng: np.random.Generator) -> Proportions:
        """A random person, mostly within a tenth of the average."""
        return cls(
            scale=rng.uniform(0.92, 1.08), legs=rng.uniform(0.95, 1.06), arms=rng.uniform(0.95, 1.06),
            shoulders=rng.uniform(0.9, 1.1), hips=rng.uniform(0.92, 1.12), girth=rng.uniform(0.88, 1.25),
            head=rng.uniform(0.95, 1.1),
        )  # fmt: skip

    def offsets(self) -> dict[str, Floats]:
        """Position of each joint (and wrist, and head centre) in its parent's frame, in metres."""
        leg, arm = self.scale * self.legs, self.scale * self.arms
        offsets = {
            "chest": np.array([0, 0.236, 0]) * self.scale,
            "neck": np.array([0, 0.224, 0]) * self.scale,
            "head": np.array([0.025, 0.185, 0]) * self.scale * self.head,
        }
        for side, sign in (("r", 1.0), ("l", -1.0)):
            offsets[f"{side}_hip"] = np.array([0, 0, sign * 0.085 * self.hips]) * self.scale
            offsets[f"{side}_knee"] = np.array([0, -0.4215, 0]) * leg
            offsets[f"{side}_ankle"] = np.array([0, -0.4099, 0]) * leg
            shoulder = np.array([-0.024, 0.2435 - 0.025, sign * 0.183 * self.shoulders])
            offsets[f"{side}_shoulder"] = shoulder * self.scale
            offsets[f"{side}_elbow"] = np.array([0, -0.2748, 0]) * arm
            offsets[f"{side}_wrist"] = np.array([0, -0.2589, 0]) * arm
        return offsets


@dataclass(frozen=True)
class Solid:
    """A rounded cone from ``a`` (radius ``ra``) to ``b`` (``rb``) in the squashed frame of ``bone``."""

    part: str
    bone: str
    a: Floats
    b: Floats
    ra: float
    rb: float
    squash: Floats


@dataclass(frozen=True)
class Skeleton3D:
    """The posed skeleton: ``origins`` (T, 13, 3) and ``frames`` (T, 13, 3, 3) of bones, ``joints`` (T, 13, 3)."""

    origins: Floats
    frames: Floats
    joints: Floats


def forward_kinematics(root: Floats, rotations: Floats, body: Proportions) -> Skeleton3D:
    """Pose the skeleton: ``root`` (T, 3) and local ``rotations`` (T, 13, 3, 3) from `sample_motion`."""
    offsets = body.offsets()
    origins = np.zeros((len(root), len(BONES), 3))
    frames = np.zeros_like(rotations)
    # Longer legs take longer steps: the root moves with the legs, so that the feet do not slide.
    origins[:, 0], frames[:, 0] = root * body.scale * body.legs, rotations[:, 0]
    for name, _ in BONES[1:]:
        bone, parent = BONE[name], BONE[_PARENT[name]]
        origins[:, bone] = origins[:, parent] + frames[:, parent] @ offsets[name]
        frames[:, bone] = frames[:, parent] @ rotations[:, bone]
    ends = {"head": "neck", "r_wrist": "r_elbow", "l_wrist": "l_elbow"}
    joints = [
        origins[:, BONE[ends[name]]] + frames[:, BONE[ends[name]]] @ offsets[name]
        if name in ends
        else origins[:, BONE[name]]
        for name in JOINTS
    ]
    return Skeleton3D(origins, frames, np.stack(joints, axis=1))


def build_solids(body: Proportions, long_hair: bool = False, pads: bool = False) -> list[Solid]:
    """The solids of a body, torso first; ``pads`` adds balls around elbows, wrists, knees and ankles."""
    s, g = body.scale, body.scale * body.girth
    waist = np.array([0, 0.236, 0]) * s
    solids = [
        _solid("pelvis", "root", (0, 0.02 * s, -0.075 * s * body.hips), (0, 0.02 * s, 0.075 * s * body.hips),
               0.1 * g, 0.1 * g, (0.92, 1.0, 1.0)),
        _solid("belly", "root", (0, 0.07 * s, 0), waist, 0.115 * g, 0.11 * g, (0.9, 1.0, 1.22)),
        _solid("chest", "chest", (0, 0, 0), (0, 0.15 * s, 0), 0.112 * g, 0.125 * g,
               (0.85, 1.0, 1.2 * body.shoulders)),
        _solid("shoulders", "chest", (-0.015 * s, 0.205 * s, -0.125 * s * body.shoulders),
               (-0.015 * s, 0.205 * s, 0.125 * s * body.shoulders), 0.062 * g, 0.062 * g, (1.0, 1.0, 1.0)),
        _solid("neck", "neck", (-0.01, -0.03, 0), (0.005, 0.1 * s, 0), 0.052 * g, 0.05 * g, (1.0, 1.0, 1.0)),
        _head(body),
    ]  # fmt: skip
    if long_hair:
        size = s * body.head
        solids.append(_solid("hair", "neck", (-0.045 * size, 0.19 * size, 0), (-0.085 * size, 0.0, 0),
                             0.085 * size, 0.06 * size, (0.9, 1.0, 1.1)))  # fmt: skip
    for side in ("r", "l"):
        solids += _limbs(side, body)
        solids += _pads(side, body) if pads else []
    return solids


def _pads(side: str, body: Proportions) -> list[Solid]:
    """Thick pads, one ball each: large enough for a network that sees the performer 50 pixels high."""
    s, wrist = body.scale, body.offsets()[f"{side}_wrist"]
    places = {"elbow": ("elbow", np.zeros(3)), "wrist": ("elbow", wrist), "knee": ("knee", np.zeros(3))}
    places["ankle"] = ("ankle", np.zeros(3))
    return [
        _solid(f"{side}_{joint}_pad", f"{side}_{bone}", centre, centre, 0.09 * s, 0.09 * s)
        for joint, (bone, centre) in places.items()
    ]


def _head(body: Proportions) -> Solid:
    centre = body.offsets()["head"]
    squash = np.array([1.0, 1.2, 0.84])
    return Solid("head", "neck", centre / squash, centre / squash, *(0.104 * body.scale * body.head,) * 2, squash)


def _limbs(side: str, body: Proportions) -> list[Solid]:
    g, offsets = body.scale * body.girth**0.7, body.offsets()
    elbow, wrist = offsets[f"{side}_elbow"], offsets[f"{side}_wrist"]
    knee, ankle = offsets[f"{side}_knee"], offsets[f"{side}_ankle"]
    s = body.scale
    return [
        _solid(f"{side}_upper_arm", f"{side}_shoulder", (0, 0, 0), elbow, 0.06 * g, 0.044 * g),
        _solid(f"{side}_forearm", f"{side}_elbow", (0, 0, 0), wrist, 0.045 * g, 0.031 * g),
        _solid(f"{side}_hand", f"{side}_elbow", wrist + [0.0, -0.02 * s, 0.0], wrist + [0.015 * s, -0.1 * s, 0.0],
               0.04 * s, 0.034 * s, (1.0, 1.0, 0.7)),
        _solid(f"{side}_thigh", f"{side}_hip", (0, 0, 0), knee, 0.092 * g, 0.06 * g),
        _solid(f"{side}_shin", f"{side}_knee", (0, 0, 0), ankle, 0.06 * g, 0.04 * g),
        _solid(f"{side}_shin", f"{side}_knee", ankle * 0.2 - [0.02 * s, 0, 0], ankle * 0.5 - [0.015 * s, 0, 0],
               0.052 * g, 0.045 * g),
        _solid(f"{side}_foot", f"{side}_ankle", (-0.035 * s, -0.022 * s, 0), (0.14 * s, -0.032 * s, 0),
               0.042 * s, 0.03 * s, (1.0, 1.0, 1.05)),
    ]  # fmt: skip


def _solid(
    part: str,
    bone: str,
    a: Floats | tuple[float, ...],
    b: Floats | tuple[float, ...],
    ra: float,
    rb: float,
    squash: tuple[float, ...] = (1.0, 1.0, 1.0),
) -> Solid:
    stretch = np.array(squash)
    return Solid(part, bone, np.array(a) / stretch, np.array(b) / stretch, ra, rb, stretch)


def lowest_point(solids: list[Solid], skeleton: Skeleton3D) -> Floats:
    """Height (T,) of the lowest point of the body, in metres."""
    heights = []
    for solid in solids:
        frame = skeleton.frames[:, BONE[solid.bone]] * solid.squash
        base = skeleton.origins[:, BONE[solid.bone], 1]
        # The reach of a squashed sphere of radius 1 in the direction of gravity.
        reach = np.linalg.norm(frame[:, 1], axis=1)
        heights += [base + frame[:, 1] @ solid.a - solid.ra * reach, base + frame[:, 1] @ solid.b - solid.rb * reach]
    return np.min(heights, axis=0)

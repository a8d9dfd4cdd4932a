"""The people of a crowd: bodies with pads and faces, poses at a place on the ground, and the gaps between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from humotion.render.appearance import Look, random_look
from humotion.render.body import JOINTS, Proportions, Skeleton3D, Solid, build_solids
from humotion.render.motion import BONE, load_motion
from humotion.render.posing import axes_of, pose_on_ground
from humotion.render.scene import Scene

Floats = NDArray[np.float64]

STATURE = 1.62
"""Metres from the soles to the top of the head of an average performer who stands."""

_STEPS = np.linspace(0, 1, 5)[:, None]


@dataclass(frozen=True)
class Performer:
    """A person of a crowd, before any motion: ``face`` has points in the frame of the neck's bone, in metres."""

    body: Proportions
    look: Look
    solids: list[Solid]
    face: dict[str, Floats]


@dataclass(frozen=True)
class Actor:
    """A performer with a posed skeleton of T moments, at a place in the world."""

    performer: Performer
    skeleton: Skeleton3D

    @property
    def solids(self) -> list[Solid]:
        """The performer's solids."""
        return self.performer.solids

    def point(self, name: str, tick: int) -> Floats:
        """Where a joint of `JOINTS`, or a point of the face, is in the world (3,)."""
        if name in JOINTS:
            return np.asarray(self.skeleton.joints[tick, JOINTS.index(name)])
        neck = BONE["neck"]
        place = self.skeleton.origins[tick, neck] + self.skeleton.frames[tick, neck] @ self.performer.face[name]
        return np.asarray(place)

    def placed(self, yaw: float, tick: int, place: Floats) -> Actor:
        """The actor turned by ``yaw`` radians, whose pelvis is above ``place`` (x, z) at ``tick``."""
        cos, sin = np.cos(yaw), np.sin(yaw)
        turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
        pose = self.skeleton
        shift = np.array([place[0], 0, place[1]]) - (turn @ pose.origins[tick, 0]) * [1.0, 0.0, 1.0]
        turned = Skeleton3D(pose.origins @ turn.T + shift, turn @ pose.frames, pose.joints @ turn.T + shift)
        return replace(self, skeleton=turned)

    def balls(self, tick: int) -> tuple[Floats, Floats]:
        """Centres (N, 3) and radii (N,) of balls that fill the body."""
        axes, radii = axes_of(self.solids, self.skeleton, tick)
        centres = axes[:, :1] * (1 - _STEPS) + axes[:, 1:] * _STEPS
        return centres.reshape(-1, 3), np.repeat(radii, len(_STEPS))


def random_performer(rng: np.random.Generator, scene: Scene) -> Performer:
    """A person in clothes that stand out from the scene, with pads at all joints of the body."""
    body, look = Proportions.random(rng), random_look(rng, scene)
    face = _face(body)
    solids = [
        *build_solids(body, look.long_hair, pads=True),
        *_shoulder_and_hip_pads(body),
        *_nose_and_ears(body, face),
    ]
    return Performer(body, look, solids, face)


def act(performer: Performer, motion: str, times: Floats, mirror: bool) -> Actor:
    """The performer at ``times`` (T,) in seconds of a motion, near the origin, looking along +x."""
    return Actor(performer, pose_on_ground(load_motion(motion), performer.body, times, mirror))


def gap(one: Actor, other: Actor, tick: int) -> float:
    """Metres between two bodies; negative where they would be inside each other."""
    (centres, radii), (others, other_radii) = one.balls(tick), other.balls(tick)
    apart = np.linalg.norm(centres[:, None] - others, axis=2) - radii[:, None] - other_radii
    return float(apart.min())


def _face(body: Proportions) -> dict[str, Floats]:
    """Points on the surface of the head, which is an ellipsoid, and the ends of the head."""
    head = next(solid for solid in build_solids(body) if solid.part == "head")
    centre, axes = head.a * head.squash, head.ra * head.squash
    # The eyes are where they are painted (see appearance.py), the nose is between them and the mouth.
    nose, eye = _in_front(centre, axes, 0.175, 0.0), _in_front(centre, axes, 0.205, 0.032)
    ear = centre + axes * [-0.05, -0.1, np.sqrt(1 - 0.05**2 - 0.1**2)]
    mirror = np.array([1.0, 1.0, -1.0])
    return {
        "nose": nose, "r_eye": eye, "l_eye": eye * mirror, "r_ear": ear, "l_ear": ear * mirror,
        "head_top": centre + axes * [0.0, 1.0, 0.0], "head_bottom": np.array([0.0, 0.05, 0.0]) * body.scale,
    }  # fmt: skip


def _in_front(centre: Floats, axes: Floats, y: float, z: float) -> Floats:
    """The point of the ellipsoid's front at ``y``, ``z``."""
    share = 1 - ((y - centre[1]) / axes[1]) ** 2 - ((z - centre[2]) / axes[2]) ** 2
    return np.array([centre[0] + axes[0] * np.sqrt(share), y, z])


def _nose_and_ears(body: Proportions, face: dict[str, Floats]) -> list[Solid]:
    """Small balls, so that these points lie inside a solid, also seen from the side."""
    sizes = {"nose": 0.022, "r_ear": 0.026, "l_ear": 0.026}
    return [_ball(name, "neck", face[name], size * body.scale) for name, size in sizes.items()]


def _shoulder_and_hip_pads(body: Proportions) -> list[Solid]:
    sizes = {"shoulder": 0.095 * body.scale, "hip": 0.118 * body.scale * body.girth**0.7}
    return [
        _ball(f"{side}_{joint}_pad", f"{side}_{joint}", np.zeros(3), size)
        for side in ("r", "l")
        for joint, size in sizes.items()
    ]


def _ball(part: str, bone: str, centre: Floats, radius: float) -> Solid:
    return Solid(part, bone, centre, centre, radius, radius, np.ones(3))

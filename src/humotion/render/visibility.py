"""Which joints the camera sees, according to the surface that was drawn.

A joint is visible if it is inside the image and the nearest surface at its pixel belongs to a limb that meets
at the joint, or is at most a small margin (the flesh around the joint) in front of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from humotion.render.body import JOINTS, Solid
from humotion.render.camera import Camera
from humotion.render.raster import SUPERSAMPLING, Surface

Floats = NDArray[np.float64]

#: Parts that meet at a joint (without their side), and the flesh in front of a joint in metres.
_AT_JOINT = {
    "head": (("head", "hair"), 0.08), "shoulder": (("upper_arm", "shoulder_pad"), 0.1),
    "elbow": (("upper_arm", "forearm", "elbow_pad"), 0.06), "wrist": (("forearm", "hand", "wrist_pad"), 0.05),
    "hip": (("thigh", "hip_pad"), 0.14), "knee": (("thigh", "shin", "knee_pad"), 0.08),
    "ankle": (("shin", "foot", "ankle_pad"), 0.06),
    "nose": (("nose",), 0.03), "eye": ((), 0.03), "ear": (("ear",), 0.03),
}  # fmt: skip


def visible_joints(
    joints: Floats, points: Floats, surface: Surface, solids: list[Solid], camera: Camera
) -> NDArray[np.bool_]:
    """Flags (13,) of the joints in sight, from ``joints`` (13, 2) in pixels and ``points`` (13, 3) in the world."""
    depths = camera.project(points)[1]
    flags = []
    for name, (x, y), depth in zip(JOINTS, joints, depths, strict=True):
        inside = -0.5 <= x <= camera.width - 0.5 and -0.5 <= y <= camera.height - 0.5
        flags.append(inside and not is_hidden(name, depth, *surface.at(x, y), solids))
    return np.array(flags)


def is_hidden(joint: str, depth: float, surface_depth: float, solid: int, solids: list[Solid]) -> bool:
    """Whether a surface of another limb is clearly in front of ``joint``, whose distance is ``depth`` metres."""
    if solid < 0:
        return False
    side, _, kind = joint.rpartition("_")
    parts, margin = _AT_JOINT[kind]
    own = solids[solid].part in {f"{side}_{part}" if side else part for part in parts}
    return not own and surface_depth < depth - margin


def silhouette_box(surface: Surface) -> Floats:
    """The tight box (x1, y1, x2, y2) of the pixels that the body touches; NaN if it is out of sight."""
    rows, columns = np.nonzero(surface.solid >= 0)
    if not len(rows):
        return np.full(4, np.nan)
    scale = SUPERSAMPLING
    x, y = columns // scale + surface.x0, rows // scale + surface.y0
    return np.array([x.min(), y.min(), x.max(), y.max()], float)

"""Put a moving body on the ground, and the axes of its solids in the world."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from humotion.render.body import Proportions, Skeleton3D, Solid, build_solids, forward_kinematics, lowest_point
from humotion.render.motion import BONE, Motion, sample_motion
from humotion.render.spec import FPS

Floats = NDArray[np.float64]


def pose_on_ground(motion: Motion, body: Proportions, times: Floats, mirror: bool) -> Skeleton3D:
    """The body at ``times`` (T,) in seconds of the motion, with its feet on the ground, which is y = 0."""
    skeleton = forward_kinematics(*sample_motion(motion, times, mirror), body)
    # With other proportions the feet miss the ground. So put the lowest point of the body on the ground. It is
    # taken over a time window that is longer than a jump.
    steps = np.arange(times[0] - 1, times[-1] + 1, 1 / FPS)
    around = forward_kinematics(*sample_motion(motion, steps, mirror), body)
    ground = minimum_filter1d(lowest_point(build_solids(body), around), round(0.8 * FPS))
    ground = gaussian_filter1d(ground, 0.2 * FPS, mode="nearest")
    rise = -np.interp(times, steps, ground)[:, None, None] * [0.0, 1.0, 0.0]
    return Skeleton3D(skeleton.origins + rise, skeleton.frames, skeleton.joints + rise)


def axes_of(solids: list[Solid], skeleton: Skeleton3D, tick: int) -> tuple[Floats, Floats]:
    """The solids' axes (N, 2, 3) in the world and their mean radii (N,)."""
    segments = [
        skeleton.origins[tick, BONE[solid.bone]]
        + (np.stack([solid.a, solid.b]) * solid.squash) @ skeleton.frames[tick, BONE[solid.bone]].T
        for solid in solids
    ]
    return np.stack(segments), np.array([(solid.ra + solid.rb) / 2 for solid in solids])

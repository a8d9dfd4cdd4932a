"""Place the camera so that the performer stays in the picture."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from humotion.render.body import Proportions, Skeleton3D
from humotion.render.camera import Camera, Shot, film
from humotion.render.spec import FPS, SIZE, ClipSpec

_logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]

_STATURE = 1.62
#: The camera keeps at least this distance from every joint, in metres.
_NEAREST = 0.8


def _heading(skeleton: Skeleton3D) -> float:
    """The mean direction (radians, in the ground plane) in which the upright performer looks."""
    forward, upright = skeleton.frames[:, 0, :, 0], np.clip(skeleton.frames[:, 0, 1, 1], 0.02, 1)
    mean = (forward[:, [0, 2]] * upright[:, None] ** 2).sum(axis=0)
    return float(np.arctan2(mean[1], mean[0]))


def film_clip(
    spec: ClipSpec, skeleton: Skeleton3D, ticks: Floats, body: Proportions, rng: np.random.Generator
) -> tuple[list[Camera], Shot, float]:
    """The cameras of all ``ticks`` (seconds), the shot they make, and the performer's heading in radians.

    If the camera would lose the performer, it moves back, or a still camera pans. If that does not help, a warning
    says so.
    """
    focal = SIZE[0] * rng.uniform(0.95, 1.5)
    heading = _heading(skeleton)
    stature = _STATURE * body.scale
    top, low = np.percentile(skeleton.joints[..., 1], [98, 2])
    close = spec.size_in_frame > 0.95
    shot = Shot(
        mode=spec.mode, shake=spec.shake, azimuth=spec.azimuth,
        distance=stature * focal / (spec.size_in_frame * SIZE[1]),
        elevation=rng.uniform(0.7, 2.0), aim_height=0.72 * stature if close else (top + low) / 2,
        aim_shift=rng.uniform(-0.12, 0.12), focal=focal, phases=tuple(rng.uniform(0, 2 * np.pi, 7)),
    )  # fmt: skip
    path = skeleton.origins[:, 0] * [1.0, 0.0, 1.0]
    ticks_per_second = len(ticks) / spec.num_frames * FPS
    path = gaussian_filter1d(path, 0.25 * ticks_per_second, axis=0, mode="nearest")

    def lost(shot: Shot) -> tuple[list[Camera], bool]:
        cameras = film(shot, path, ticks, heading, SIZE)
        projected = [camera.project(points) for camera, points in zip(cameras, skeleton.joints, strict=True)]
        if min(depths.min() for _, depths in projected) < _NEAREST:
            return cameras, True
        points = np.stack([xy for xy, _ in projected])
        outside = ((points < 2) | (points > np.array(SIZE) - 3)).any(axis=-1).mean(axis=1)
        # A close shot may cut limbs off, but never loses most of the body.
        return cameras, bool(outside.max() > 0.6 if close else outside.mean() > 0.02)

    cameras, is_lost = lost(shot)
    for attempt in range(8):
        if not is_lost:
            break
        mode = "pan" if attempt == 2 and shot.mode == "still" else shot.mode
        shot = replace(shot, mode=mode, distance=shot.distance * (1.0 if mode != shot.mode else 1.1))
        cameras, is_lost = lost(shot)
    if is_lost:
        _logger.warning("In the clip %s of %s the performer is not always in the picture.", spec.seed, spec.motion)
    return cameras, shot, heading

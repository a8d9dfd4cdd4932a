"""A pinhole camera and the ways in which it moves: still, panning, following, hand-held.

World coordinates are metres with y up; camera coordinates are x right, y down, z forward. Image
coordinates are 0-based pixels with pixel centres at integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class Camera:
    """``rotation`` (3, 3) turns world directions into camera directions; ``focal`` is in pixels."""

    position: Floats
    rotation: Floats
    focal: float
    width: int
    height: int

    @property
    def centre(self) -> tuple[float, float]:
        """The principal point: the middle of the image, in pixels."""
        return (self.width - 1) / 2, (self.height - 1) / 2

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Image coordinates (..., 2) and depths (...) in metres of world points (..., 3) in front of the camera."""
        local = (points - self.position) @ self.rotation.T
        depth = local[..., 2]
        return local[..., :2] / depth[..., None] * self.focal + np.array(self.centre), depth

    def ray_matrix(self) -> Floats:
        """(3, 3) matrix from (x, y, 1) in pixels to the world direction whose depth is one metre."""
        cx, cy = self.centre
        pixel_to_ray = np.array([[1, 0, -cx], [0, 1, -cy], [0, 0, self.focal]]) / self.focal
        return self.rotation.T @ pixel_to_ray


def look_at(position: Floats, target: Floats, roll: float = 0.0) -> Floats:
    """Rotation (3, 3) of a camera at ``position`` looking at ``target``, turned by ``roll`` radians."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, UP)
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    cos, sin = np.cos(roll), np.sin(roll)
    return np.stack([cos * right + sin * down, cos * down - sin * right, forward])


@dataclass(frozen=True)
class Shot:
    """How one clip is filmed.

    ``mode`` is still, pan or follow; ``shake`` scales the movement of a hand-held camera (0: none).
    ``azimuth`` (radians) is 0 in front of the performer and positive towards the performer's right.
    """

    mode: str
    shake: float
    azimuth: float
    distance: float
    elevation: float
    aim_height: float
    aim_shift: float
    focal: float
    phases: tuple[float, ...]


def film(shot: Shot, path: Floats, times: Floats, heading: float, size: tuple[int, int]) -> list[Camera]:
    """One camera per time for a performer whose smoothed ground path is ``path`` (T, 3)."""
    angle = heading + shot.azimuth
    outwards = np.array([np.cos(angle), 0.0, np.sin(angle)])
    sideways = np.array([-np.sin(angle), 0.0, np.cos(angle)])
    middle = (path.min(axis=0) + path.max(axis=0)) / 2
    centre = path if shot.mode != "still" else np.broadcast_to(middle, path.shape)
    stand = path if shot.mode == "follow" else np.broadcast_to(middle, path.shape)
    aim = centre + [0.0, shot.aim_height, 0.0] + sideways * shot.aim_shift
    positions = stand + outwards * shot.distance + [0.0, shot.elevation, 0.0]
    sway = _sway(times, shot.phases) * shot.shake
    positions = positions + sway[:, :3] * 0.04
    aim = aim + sway[:, 3:6] * 0.05
    return [
        Camera(position, look_at(position, target, roll), shot.focal, *size)
        for position, target, roll in zip(positions, aim, sway[:, 6] * 0.012, strict=True)
    ]


def _sway(times: Floats, phases: tuple[float, ...]) -> Floats:
    """Seven smooth pseudo-random curves (T, 7) of about unit size, because a hand is never still."""
    phase = np.array(phases)
    slow = np.sin(2 * np.pi * (0.6 + 0.1 * np.arange(7)) * times[:, None] + phase)
    fast = np.sin(2 * np.pi * (1.7 + 0.2 * np.arange(7)) * times[:, None] + 2.7 * phase)
    return 0.75 * slow + 0.25 * fast

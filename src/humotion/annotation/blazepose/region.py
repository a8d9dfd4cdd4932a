r"""Rotated square regions of a frame: where the landmark network looks.

A region follows from two points of a body: the middle of the hips, which is its centre, and a point whose distance and
direction from there give the size and the rotation. The body stands upright in the region::

        frame                   region (unit square, y down)
      .--------.                 .-----.
      |  /  \  |                 |  o  |    o  second point: towards the head
      | /  o/  |    ->           |  |  |
      | \  x   |                 |  x  |    x  the hips, in the centre
      '--------'                 '-----'
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

ENLARGED = 1.25
"""How much larger a region is than the circle around the body."""


@dataclass(frozen=True)
class Region:
    """A square: its centre and side in pixels of the frame, and its rotation in radians, clockwise on the screen.

    Pixel (0, 0) of a crop is at the corner of the square, not half a pixel inside, as in MediaPipe's OpenCV converter.
    """

    x: float
    y: float
    side: float
    rotation: float = 0.0

    def to_frame(self, points: Floats) -> Floats:
        """Points (..., 2) of the unit square, in pixels of the frame."""
        return self.turned((points - 0.5) * self.side) + np.array([self.x, self.y], np.float32)

    def turned(self, vectors: Floats) -> Floats:
        """Vectors (..., 2) of the region, in the directions of the frame."""
        cos, sin = np.cos(self.rotation), np.sin(self.rotation)
        return (vectors @ np.array([[cos, sin], [-sin, cos]])).astype(np.float32)

    def crop(self, frame: npt.NDArray[np.uint8], size: int, border: int) -> npt.NDArray[np.uint8]:
        """The region of a frame (H, W, 3) as (size, size, 3); ``border`` is OpenCV's rule for what lies outside."""
        corner, right, down = self.to_frame(np.array([[0, 0], [1, 0], [0, 1]], np.float32)).astype(np.float64)
        to_frame = np.stack([(right - corner) / size, (down - corner) / size, corner], axis=1)  # (2, 3)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(frame, to_frame, (size, size), flags=flags, borderMode=border), np.uint8)

    def is_usable(self) -> bool:
        """Whether it has a size; a network that saw nothing may put both points in one place."""
        return bool(np.isfinite([self.x, self.y, self.side, self.rotation]).all()) and self.side >= 1


def region_of_points(centre: Floats, other: Floats) -> Region:
    """The region of a body whose hips are at ``centre`` (2,), in pixels, and whose second point is ``other`` (2,).

    The second point is on the circle around the body, above the hips of a person who stands.
    """
    x, y = (other - centre).astype(np.float64)
    rotation = np.pi / 2 - np.arctan2(-y, x)
    rotation -= 2 * np.pi * np.floor((rotation + np.pi) / (2 * np.pi))  # into [-pi, pi)
    return Region(float(centre[0]), float(centre[1]), float(2 * np.hypot(x, y) * ENLARGED), float(rotation))


def region_of_box(box: Floats) -> Region:
    """A first region of a person whose box (4,) x0 y0 x1 y1 is known: upright, with room around the longer side."""
    x0, y0, x1, y1 = (float(value) for value in box)
    return Region((x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0) * ENLARGED)

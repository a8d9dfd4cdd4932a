"""Landmarks without a picture, drawn as a figure on an empty one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from humotion.figures.overlay import draw_skeleton
from humotion.store.skeleton import Skeleton

BACKGROUND = 40
MARGIN = 0.08  # of the side, on each side


def stick_figures(
    landmarks: npt.NDArray[np.floating], known: npt.NDArray[np.bool_], skeleton: Skeleton, side: int
) -> npt.NDArray[np.uint8]:
    """Draw each frame of a clip, all at the same scale, which is that of the largest extent.

    Args:
        landmarks: (T, J, D), x and y first, in any unit.
        known: (T, J); the others are not drawn.
        skeleton: names and bones of the joints.
        side: of the square pictures, in pixels.

    Returns:
        (T, side, side, 3) uint8.
    """
    points = landmarks[..., :2]
    low, high = (edge(points[known], axis=0) for edge in (np.min, np.max)) if known.any() else (np.zeros(2), np.ones(2))
    scale = side * (1 - 2 * MARGIN) / max(float((high - low).max()), 1e-6)
    placed = (points - (low + high) / 2) * scale + (side - 1) / 2
    empty = np.full((side, side, 3), BACKGROUND, np.uint8)
    flags = np.where(known, 2, 0)
    frames = [draw_skeleton(empty, *frame, skeleton) for frame in zip(placed, flags, strict=True)]
    return np.stack(frames)

"""Square pictures for a network, from complete frames or from the part of a frame around a person."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from humotion.annotation.joint_features.reading import Floats, Window

ROOM = 1.25
"""Side of the square around a person, divided by the longer side of the extent of the joints."""
SMALLEST = 16
"""Pixels of a frame that the square around a person has at least."""

Bytes = npt.NDArray[np.uint8]


def of_frame(width: int, height: int, fit: str) -> Window:
    """The window of a complete frame: the frame itself ("stretch"), or the square around it ("letterbox")."""
    if fit == "stretch":
        return Window(0, 0, width, height)
    side = max(width, height)
    return Window((width - side) // 2, (height - side) // 2, side, side)


def of_person(points: Floats) -> Window | None:
    """The square around points (J, 2) in pixels of the frame, with room; None if none is known (all are NaN)."""
    known = points[np.isfinite(points).all(-1)]
    if not len(known):
        return None
    low, high = known.min(0), known.max(0)
    side = max(SMALLEST, round(float((high - low).max()) * ROOM))
    left, top = (round(float(middle) - side / 2) for middle in (low + high) / 2)
    return Window(left, top, side, side)  # whole pixels, so that a picture is cut without interpolation


def cut(frame: Bytes, window: Window, side: int, fill: tuple[int, int, int]) -> Bytes:
    """The window of a frame (H, W, 3) as (side, side, 3); ``fill`` is the colour outside the frame."""
    left, top, width, height = (int(value) for value in window)
    above, before = max(0, -top), max(0, -left)
    below, behind = max(0, top + height - frame.shape[0]), max(0, left + width - frame.shape[1])
    inner = frame[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)]
    if inner.size == 0:
        return np.full((side, side, 3), fill, np.uint8)
    if above or below or before or behind:
        edges = (above, below, before, behind)
        inner = np.asarray(cv2.copyMakeBorder(inner, *edges, cv2.BORDER_CONSTANT, value=fill), np.uint8)
    shrinks = min(width, height) >= side
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR  # both keep the edges of the picture where they are
    return np.asarray(cv2.resize(inner, (side, side), interpolation=how), np.uint8)

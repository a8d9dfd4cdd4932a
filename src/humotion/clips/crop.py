"""Square crops of a stored frame, and the mapping between crop and stored pixels.

A window is (left, top, side) in integer stored pixels. It may extend past the frame, where it is filled with grey.
Resizing it to ``size`` keeps pixel centres at integers, so
``stored_xy = crop_xy * scale + (x0, y0)`` with ``scale = side / size`` and ``x0 = left + (scale - 1) / 2``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from humotion.clips.input import Footage

PAD_VALUE = 128
# The share of the short side that an evaluation crop keeps: the usual resize to 256 and crop of 224.
CENTRE_FRACTION = 224 / 256
# Limits the enlargement if every box of a clip is (nearly) empty.
MIN_SIDE = 16
# Margin around a person who is too large for a crop of fixed scale, as published.
FIT_MARGIN = 1.1

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def person_windows(boxes: Floats, person_scale: float) -> Ints:
    """Windows (T, 3) around the person in each frame, all with the same side.

    The side is the clip's largest box side times ``person_scale``. Each window is centred at the box (T, 4) of its
    own frame, rounded to the nearest pixel.
    """
    sides = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    return _around(boxes, max(MIN_SIDE, int(np.ceil(float(sides.max()) * person_scale))))


def clip_windows(boxes: Floats, size: int, person_scale: float, pixel_scale: float | None = None) -> Ints:
    """Windows (T, 3) around the person in each frame, all with the same side, by the settings of an experiment.

    Without ``pixel_scale``, the size of the person decides the side (`person_windows`). With it, the side is ``size``
    / ``pixel_scale``, or 1.1 times the largest box side of the clip if that box would not fit.
    """
    if pixel_scale is None:
        return person_windows(boxes, person_scale)
    largest = float((boxes[:, 2:] - boxes[:, :2]).max())
    side = size / pixel_scale if largest * pixel_scale <= size else FIT_MARGIN * largest
    return _around(boxes, max(MIN_SIDE, round(side)))


def _around(boxes: Floats, side: int) -> Ints:
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2  # (T, 2)
    corners = np.floor(centres - (side - 1) / 2 + 0.5).astype(np.int64)
    return np.column_stack([corners, np.full(len(boxes), side)])


def at_scale(windows: Ints, scale: float) -> Ints:
    """Windows (T, 3) that show everything larger by ``scale``, with the same centres to half a pixel."""
    side = max(1, round(float(windows[0, 2]) / scale))
    corners = windows[:, :2] + (windows[:, 2:] - side) // 2
    return np.column_stack([corners, np.full(len(windows), side)])


def evaluation_window(width: int, height: int, place: float = 0.5) -> Ints:
    """The window (3,) that a resize of the short side and a crop would keep; the default is a centre crop.

    ``place`` is its position along the long side (for a square, the width): 0 is left or top, 1 right or bottom.
    Along the short side, the window is in the centre.
    """
    side = max(1, round(min(width, height) * CENTRE_FRACTION))
    left, top = (place, 0.5) if width >= height else (0.5, place)
    return np.array([int((width - side) * left), int((height - side) * top), side])


def crop_geometry(windows: Ints, size: int) -> Floats:
    """The mapping (..., 3) = x0, y0, scale for windows (..., 3) that are resized to ``size``."""
    scale = windows[..., 2:] / size
    return np.concatenate([windows[..., :2] + (scale - 1) / 2, scale], axis=-1).astype(np.float32)


def to_crop(points: Floats, crop: Floats) -> Floats:
    """Convert points (T, N, 2) from stored pixels to crop pixels, by the geometry (T, 3) of each frame."""
    return ((points - crop[:, None, :2]) / crop[:, None, 2:]).astype(np.float32)


def to_stored(points: Floats, crop: Floats) -> Floats:
    """Convert points (T, N, 2) from crop pixels to stored pixels, by the geometry (T, 3) of each frame."""
    return (points * crop[:, None, 2:] + crop[:, None, :2]).astype(np.float32)


def cut(frame: npt.NDArray[np.uint8], window: Ints, size: int) -> npt.NDArray[np.uint8]:
    """Cut a window (left, top, side) out of a frame (H, W, 3) and resize it to (size, size, 3)."""
    left, top, side = (int(value) for value in window)
    height, width = frame.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + side, width), min(top + side, height)
    if (x0, y0, x1, y1) == (left, top, left + side, top + side):
        square = frame[y0:y1, x0:x1]
    else:
        square = np.full((side, side, 3), PAD_VALUE, np.uint8)
        if x0 < x1 and y0 < y1:
            square[y0 - top : y1 - top, x0 - left : x1 - left] = frame[y0:y1, x0:x1]
    if side == size:
        return square
    interpolation = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (size, size), interpolation=interpolation), dtype=np.uint8)


def cut_distinct(
    video: Footage,
    indices: npt.NDArray[np.integer[Any]],
    crops: npt.NDArray[Any],
    cut_one: Callable[[npt.NDArray[np.uint8], npt.NDArray[Any]], npt.NDArray[np.uint8]],
) -> tuple[npt.NDArray[np.uint8], Ints]:
    """Cut each distinct pair of frame (T, K) and crop (a row of (T, n)) once.

    Returns:
        The crops (U, S, S, 3), and the index (T, K) of each frame's crop.
    """
    wanted = np.column_stack([indices.reshape(-1), np.repeat(crops, indices.shape[1], axis=0)])  # (T * K, 1 + n)
    distinct, inverse = np.unique(wanted, axis=0, return_inverse=True)
    # One frame at a time: a complete test video at full size would not fit in memory together with its crops.
    pictures = [cut_one(video.decode(row[:1].astype(np.int64))[0], row[1:]) for row in distinct]
    return np.stack(pictures), inverse.reshape(indices.shape)

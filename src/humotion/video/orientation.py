"""How a frame must be turned to be upright: the display matrix that phones write next to the pixels.

The ffmpeg command applies the matrix with filters that it chooses (``configure_input_video_filter``
in its sources). The same filters here give the same pixels, also for mirrored and oddly rotated videos.
"""

from __future__ import annotations

import math
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Filters = tuple[tuple[str, str | None], ...]
"""A chain of FFmpeg filters, as (name, arguments)."""

_CLOCK: Filters = (("transpose", "clock"),)
_COUNTER_CLOCK: Filters = (("transpose", "cclock"),)
_HALF: Filters = (("hflip", None), ("vflip", None))
_QUARTER_TURNS: dict[Filters, int] = {(): 0, _CLOCK: 90, _HALF: 180, _COUNTER_CLOCK: 270}


def turn_filters(frame: av.VideoFrame) -> Filters:
    """The filters that turn ``frame`` upright; none for a frame without a display matrix."""
    matrix = _display_matrix(frame)
    if matrix is None:
        return ()
    angle = _clockwise(matrix)
    if abs(angle - 90) < 1:
        return (("transpose", "cclock_flip"),) if matrix[3] > 0 else _CLOCK
    if abs(angle - 180) < 1:
        return tuple(part for part, sign in zip(_HALF, matrix[[0, 4]], strict=True) if sign < 0)
    if abs(angle - 270) < 1:
        return (("transpose", "clock_flip"),) if matrix[3] < 0 else _COUNTER_CLOCK
    if abs(angle) > 1:
        return (("rotate", f"{angle:f}*PI/180"),)
    return (("vflip", None),) if matrix[4] < 0 and abs(angle) < 1 else ()


def quarter_turn(filters: Filters) -> int | None:
    """Degrees clockwise (0, 90, 180, 270) if ``filters`` only rotate by that angle, else None."""
    return _QUARTER_TURNS.get(filters)


def swaps_sides(filters: Filters) -> bool:
    """Whether ``filters`` swap width and height."""
    return any(name == "transpose" for name, _ in filters)


def _display_matrix(frame: av.VideoFrame) -> npt.NDArray[np.int32] | None:
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else np.frombuffer(bytes(data), np.int32)


def _clockwise(matrix: npt.NDArray[np.int32]) -> float:
    """The rotation in whole degrees in [0, 360); NaN for a matrix that flattens the picture: no filter fixes that."""
    scale = (math.hypot(matrix[0], matrix[3]), math.hypot(matrix[1], matrix[4]))
    if not all(scale):
        return math.nan
    angle = round(math.degrees(math.atan2(matrix[1] / scale[1], matrix[0] / scale[0])))
    return float(angle % 360)

"""Labelled boxes of one person that are incomplete: files with fewer boxes than frames, and empty boxes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd


def boxes_for(boxes: npt.NDArray[np.float32], num_frames: int) -> tuple[npt.NDArray[np.float32], dict[str, int]]:
    """The boxes (T, 4) of ``num_frames`` frames from those of a file, whose last one stands for further frames.

    The second value counts the frames for `PoseLabels.changed`.
    """
    counts = {
        "no box: the last one of the file is repeated": num_frames - len(boxes),
        "a box, but no joints: left out": len(boxes) - num_frames,
    }
    return boxes[np.minimum(np.arange(num_frames), len(boxes) - 1)], {k: n for k, n in counts.items() if n > 0}


def complete_boxes(
    boxes: npt.NDArray[np.float32], joints: npt.NDArray[np.float32], visibility: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.float32], dict[str, int]]:
    """Replace empty boxes (x2 <= x1 or y2 <= y1, or not finite) of (T, 4).

    The new box of a frame is the extent of its visible joints. If fewer than two are visible, it is the
    box of the nearest earlier frame, or else of the next frame that has a box. The second value counts the frames for
    `PoseLabels.changed`.
    """
    completed = boxes.astype(np.float32)
    empty = _is_empty(boxes)
    for t in np.flatnonzero(empty):
        seen = joints[t][visibility[t] == 2]
        completed[t] = [*seen.min(axis=0), *seen.max(axis=0)] if len(seen) else 0
    still_empty = _is_empty(completed)
    counts = {
        "an empty box: the extent of the visible joints replaces it": int(empty.sum() - still_empty.sum()),
        "an empty box: that of another frame replaces it": 0 if still_empty.all() else int(still_empty.sum()),
        "an empty box, as in all frames of the video: it is 0, 0, 0, 0": len(boxes) if still_empty.all() else 0,
    }
    completed[still_empty] = np.nan
    filled = pd.DataFrame(completed).ffill().bfill().fillna(0).to_numpy(np.float32)
    return filled, {text: number for text, number in counts.items() if number}


def _is_empty(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    return ~((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]) & np.isfinite(boxes).all(axis=1))

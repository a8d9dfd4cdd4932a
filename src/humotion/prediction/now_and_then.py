"""Where a person is, by a tool that looks at every few frames only.

    frames     0   1   2   3   4   5   6   7   8   9  10
    looks      x               x               x       x        the last frame is looked at, too
    box        on a straight line between two looks that found the person

A tool that finds people takes longer than a small model of joints, and people move slowly from frame to frame. On 71
test clips of JHMDB, an LSTM-PM has PCK@0.2 0.795 in boxes of each frame, 0.794 in those of every fourth, and 0.799 in
those of every eighth (`python -m benchmarks.found_boxes --every 1 4 8`; 0.826 in labelled boxes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from humotion.prediction.video_file import Frames, Video
from humotion.store.layers import Arrays

EVERY = 4
"""Frames from one look to the next."""
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


class NowAndThen(Video):
    """Every few frames of a video, and its last one, as a video of its own."""

    def __init__(self, video: Video, every: int) -> None:
        self._video = video
        self.at: Ints = np.unique([*range(0, video.num_frames, every), video.num_frames - 1])
        self.num_frames, self.height, self.width = len(self.at), video.height, video.width
        self.fps = None if video.fps is None else video.fps / every
        self.annotation: Mapping[str, npt.NDArray[Any]] = {}

    def __iter__(self) -> Iterator[Frames]:
        """See `Video`."""
        wanted = set(self.at.tolist())
        return (frame for number, frame in enumerate(self._video) if number in wanted)

    def decode(self, indices: npt.NDArray[np.integer[Any]]) -> Frames:
        """See `Video`."""
        return self._video.decode(self.at[np.asarray(indices)])


def between_looks(looks: Arrays, at: Ints, starts: Bools) -> Arrays:
    """Return ``boxes`` (P, T, 4) and ``found`` (P, T) of all frames, from those of the frames ``at`` (L,).

    Whether a person is there, the nearest look of the same shot says. Its box lies on a straight line between the looks
    before and after, if both found the person in the same shot. A shot without a look has nobody.

    Args:
        looks: ``boxes`` (P, L, 4) and ``found`` (P, L).
        at: the frames that were looked at, the first and the last one among them.
        starts: (T,) in which frames a shot starts.
    """
    frames = np.arange(len(starts))
    shot = np.cumsum(starts)
    before = np.searchsorted(at, frames, side="right") - 1  # (T,) the look at or before each frame
    after = np.minimum(before + 1, len(at) - 1)
    valid_before, valid_after = shot[at[before]] == shot, shot[at[after]] == shot
    nearer_after = np.abs(at[after] - frames) < frames - at[before]
    uses_after = np.where(valid_before & valid_after, nearer_after, valid_after)
    nearest = np.where(uses_after, after, before)
    found = looks["found"][:, nearest] & (valid_before | valid_after)
    both = looks["found"][:, before] & looks["found"][:, after] & valid_before & valid_after
    span = np.maximum(at[after] - at[before], 1)
    share = ((frames - at[before]) / span).astype(np.float32)[:, None]
    boxes = looks["boxes"]
    line = (1 - share) * boxes[:, before] + share * boxes[:, after]
    placed = np.where(both[..., None], line, boxes[:, nearest])
    return {"boxes": np.where(found[..., None], placed, np.float32(np.nan)).astype(np.float32), "found": found}

"""Whole videos at several scales, a few frames at a time, for multi-scale testing.

Each scale has windows of its own around the same centres, smaller for a larger scale: the person then fills
more of the crop. A long video at many scales would not fit in memory at once, so it comes in pieces.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset

from humotion.clips.crop import at_scale, clip_windows, crop_geometry, cut
from humotion.video.store import FrameStore


class ScaledPieces(Dataset[dict[str, Any]]):
    """Consecutive frames of every clip of a table in its order, as evaluation sees them, at every scale.

    Args:
        table: clips of whole videos.
        store: their frames and boxes.
        size: side of a crop in pixels.
        person_scale, pixel_scale: of the windows at scale 1 (see `clip_windows`).
        scales: each divides the side of the window.
        num_frames: at most so many in a piece.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        store: FrameStore,
        size: int,
        person_scale: float,
        pixel_scale: float | None,
        scales: tuple[float, ...],
        num_frames: int,
    ) -> None:
        self.table, self.store, self.size = table, store, size
        self.person_scale, self.pixel_scale = person_scale, pixel_scale
        self.scales, self.num_frames = scales, num_frames
        self.pieces = [
            (row, start)
            for row, indices in enumerate(table["frame_indices"])
            for start in range(0, len(indices), num_frames)
        ]

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """``frames`` (S, T, 3, size, size) uint8, scales first; ``crop`` (S, T, 3) = x0, y0, scale of each, so that
        stored_xy = crop_xy * scale + (x0, y0); ``clip_index``; ``is_first``, whether a video begins here.
        """
        row, start = self.pieces[index]
        clip = self.table.iloc[row]
        video = self.store[clip["video_id"]]
        assert video.boxes is not None
        piece = slice(start, start + self.num_frames)
        boxes = video.boxes[clip["frame_indices"]]
        plain = clip_windows(boxes, self.size, self.person_scale, self.pixel_scale)[piece]
        windows = [at_scale(plain, scale) for scale in self.scales]
        pictures = video.decode(clip["frame_indices"][piece])  # (T, H, W, 3)
        crops = np.stack(
            [
                [cut(picture, window, self.size) for picture, window in zip(pictures, of_scale, strict=True)]
                for of_scale in windows
            ]
        )
        return {
            "frames": torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 1, 4, 2, 3))),
            "crop": torch.from_numpy(np.stack([crop_geometry(of_scale, self.size) for of_scale in windows])),
            "clip_index": row,
            "is_first": start == 0,
        }

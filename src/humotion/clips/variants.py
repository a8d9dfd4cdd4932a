"""Other ways to show a clip at test time: temporal and spatial views, and frames in another order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.clips.sampling import uniform
from humotion.store.frames import FrameStore

Ints = npt.NDArray[np.int64]
PLACES = {1: (0.5,), 3: (0.0, 0.5, 1.0)}


@dataclass(frozen=True)
class Variant:
    """How a clip is shown; the default is one view in its natural order.

    Attributes:
        view: temporal view, counted from 0 (see `humotion.clips.sampling.uniform`).
        num_views: number of temporal views.
        place: position of the crop along the long side of the frame: 0 left or top, 0.5 centre, 1 right or bottom.
        order: order of the frames. "reversed" runs the clip and its raw neighbours backwards; "shuffled" keeps each
            frame's own neighbours around it.
        seed: seed of "shuffled"; a clip's order depends only on it and on the clip's row.
    """

    view: int = 0
    num_views: int = 1
    place: float = 0.5
    order: Literal["natural", "reversed", "shuffled"] = "natural"
    seed: int = 0

    def resampled(self, table: pd.DataFrame, store: FrameStore) -> pd.DataFrame:
        """Return the uniformly sampled clips with the frames of this temporal view."""
        if self.num_views == 1:
            return table
        videos = zip(table["video_id"], table["frame_indices"], strict=True)
        chosen = [
            uniform(store[video_id].num_frames, len(indices), self.view, self.num_views).frame_indices
            for video_id, indices in videos
        ]
        return table.assign(frame_indices=pd.Series(chosen, index=table.index, dtype=object))

    def arranged(self, indices: Ints, is_padding: npt.NDArray[np.bool_], clip: int) -> Ints:
        """Return raw frames (T, K) of row ``clip`` in this order, with padding at the end that repeats the last."""
        if self.order == "natural":
            return indices
        real = indices[~is_padding]
        if self.order == "reversed":
            real = real[::-1, ::-1]
        else:
            real = np.random.default_rng([self.seed, clip]).permutation(real)
        return np.concatenate([real, np.repeat(real[-1:], is_padding.sum(), axis=0)])


AS_SAMPLED = Variant()


def views(temporal: int, spatial: Literal[1, 3]) -> list[Variant]:
    """Return every view of a grid: ``temporal`` views times ``spatial`` crops along the long side of the frame."""
    return [Variant(view, temporal, place) for view, place in product(range(temporal), PLACES[spatial])]

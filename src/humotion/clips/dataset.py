"""Clips as a torch dataset: each row of the clip table or training plan is one sample."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset

from humotion.clips.input import ClipInput, Sample, neighbours
from humotion.clips.variants import AS_SAMPLED, Variant
from humotion.store.frames import FrameStore


class ClipDataset(Dataset[Sample]):
    """Samples by ``index``, or by ``(epoch, index)`` if every epoch must augment differently.

    The epoch is part of the key, so a sample depends only on the seed of its plan row and on the epoch. Therefore
    samples do not depend on the number of workers, or on workers that run longer than an epoch.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        store: FrameStore,
        shown: ClipInput,
        num_neighbours: int = 1,
        variant: Variant = AS_SAMPLED,
    ) -> None:
        self.table = variant.resampled(table, store)
        self.store = store
        self.shown = shown
        self.num_neighbours = num_neighbours
        self.variant = variant

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, key: int | tuple[int, int]) -> Sample:
        """Return one sample: the tensors of the input, with ``is_padding`` (T,) bool, ``label`` and ``clip_index``.

        ``clip_index`` is the row of the table.
        """
        epoch, index = key if isinstance(key, tuple) else (0, key)
        row = self.table.iloc[index]
        video = self.store[row["video_id"]]
        indices = neighbours(row["frame_indices"], self.num_neighbours, video.num_frames)  # (T, K)
        is_padding = row["is_padding"].astype(bool)
        indices = self.variant.arranged(indices, is_padding, index)
        sample = self.shown(video, int(row["person"]), indices, sample_seed(int(row.get("seed", 0)), epoch))
        return {
            **sample,
            "is_padding": torch.from_numpy(is_padding),
            "label": int(row["label_id"]),
            "clip_index": index,
        }


def sample_seed(plan_seed: int, epoch: int) -> int:
    """Return the seed of one plan row in one epoch, mixed so that neighbouring rows are independent."""
    return int(np.random.SeedSequence([plan_seed, epoch]).generate_state(1)[0])

"""The training plan: the clips of an epoch, how often each occurs, and the seed of each replica.

Classes are balanced by repeating or leaving out clip indices (imbalanced-learn), only for training clips. Pixels do
not change.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from imblearn.over_sampling import RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler

Balance = Literal["none", "oversample", "undersample", "square_root"]


def make_plan(clips: pd.DataFrame, balance: Balance, replicas: int, seed: int) -> pd.DataFrame:
    """Return training clips balanced by class, times ``replicas``, each row with its replica number and seed.

    Replicas of one clip are numbered from 0. A row's seed depends only on ``seed``, its clip and its replica. So it
    does not change if other clips are added or removed.
    """
    chosen = balanced_indices(clips["label_id"].to_numpy(), balance, seed)
    plan = clips.iloc[np.tile(chosen, replicas)]
    plan = plan.assign(replica=plan.groupby("clip_id").cumcount())
    plan = plan.sort_values(["clip_id", "replica"], ignore_index=True)
    seeds = [_seed(seed, *row) for row in zip(plan["clip_id"], plan["replica"], strict=True)]
    return plan.assign(seed=np.array(seeds, dtype=np.int64))


def balanced_indices(labels: npt.NDArray[np.int64], balance: Balance, seed: int) -> npt.NDArray[np.int64]:
    """Return sorted indices into ``labels``, repeated or left out so that the classes are balanced.

    oversample: every class is repeated to the size of the largest one. undersample: every class is reduced to the
    size of the smallest one. square_root: a class with n clips gets a share proportional to sqrt(n), and the total
    number of clips stays about the same.
    """
    indices = np.arange(len(labels))
    classes, counts = np.unique(labels, return_counts=True)
    if balance == "none" or len(classes) < 2:
        return indices
    targets = {
        "oversample": np.full_like(counts, counts.max()),
        "undersample": np.full_like(counts, counts.min()),
        "square_root": _square_root_counts(counts),
    }[balance]
    fewer = dict(zip(classes, np.minimum(counts, targets), strict=True))
    more = dict(zip(classes, targets, strict=True))
    chosen, kept = RandomUnderSampler(sampling_strategy=fewer, random_state=seed).fit_resample(indices[:, None], labels)
    chosen, _ = RandomOverSampler(sampling_strategy=more, random_state=seed).fit_resample(chosen, kept)
    return np.sort(chosen[:, 0])


def class_counts(classes: list[str], clips: pd.DataFrame, plan: pd.DataFrame) -> pd.DataFrame:
    """Number of clips per class (columns label, before, after); ``after`` is the number in an epoch."""
    before = clips["label"].value_counts().reindex(classes, fill_value=0)
    after = plan["label"].value_counts().reindex(classes, fill_value=0)
    return pd.DataFrame({"label": classes, "before": before.to_numpy(), "after": after.to_numpy()})


def _square_root_counts(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    roots = np.sqrt(counts)
    return np.maximum(1, np.rint(roots / roots.sum() * counts.sum())).astype(np.int64)


def _seed(seed: int, clip_id: str, replica: int) -> int:
    digest = hashlib.sha256(f"{seed}/{clip_id}/{replica}".encode()).digest()
    return int.from_bytes(digest[:4], "little")

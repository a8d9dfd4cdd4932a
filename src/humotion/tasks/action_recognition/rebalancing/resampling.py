"""Resample training rows of embeddings to balanced classes (imbalanced-learn). Only training rows are resampled.

SMOTE (Chawla et al. 2002) creates new rows between neighbours of one class. Tomek links or edited nearest neighbours
(Batista et al. 2004) then remove rows that are among rows of another class. A class with a single row has no neighbour.
SMOTE and the cleaning do not change it, and the report lists it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from imblearn.combine import SMOTEENN, SMOTETomek
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import EditedNearestNeighbours, TomekLinks

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Resampler = Literal["random_oversample", "smote", "smote_tomek", "smote_enn"]


@dataclass(frozen=True)
class Resampled:
    """Rows to train a head on.

    Attributes:
        features: (M, C).
        labels: (M,).
        emptied: classes of which the cleaning removed every row; their original rows were restored.
    """

    features: Floats
    labels: Ints
    emptied: tuple[int, ...] = ()


def classes_of_one(labels: Ints) -> list[int]:
    """Classes with a single row, for which SMOTE cannot create rows."""
    classes, counts = np.unique(labels, return_counts=True)
    return [int(label) for label in classes[counts == 1]]


def neighbours_for(labels: Ints, most: int) -> int:
    """Number of neighbours for SMOTE: ``most``, or fewer if the smallest class with more than one row has fewer.

    The number is 0 if there is no such class.
    """
    counts = np.unique(labels, return_counts=True)[1]
    return min([most, *(int(count) - 1 for count in counts if count > 1)]) if (counts > 1).any() else 0


def resample(method: Resampler, features: Floats, labels: Ints, most_neighbours: int, seed: int) -> Resampled:
    """Make every class as large as the largest one, and clean the rows if the method includes it.

    Args:
        method: the method; ``random_oversample`` repeats rows, also those of classes with one row.
        features: (N, C) standardised embeddings of the training clips.
        labels: (N,) their classes.
        most_neighbours: maximum number of neighbours for SMOTE, see `neighbours_for`.
        seed: seed of the random draws.
    """
    if method == "random_oversample":
        return Resampled(*RandomOverSampler(random_state=seed).fit_resample(features, labels))
    classes, counts = np.unique(labels, return_counts=True)
    able = [int(label) for label in classes[counts > 1]]
    if len(classes) < 2 or not able:
        return Resampled(features, labels)
    smote = SMOTE(
        sampling_strategy={label: int(counts.max()) for label in able},
        k_neighbors=neighbours_for(labels, most_neighbours),
        random_state=seed,
    )
    made, made_labels = _combined(method, smote, able, seed).fit_resample(features, labels)
    return _put_back(made, made_labels, features, labels)


def _combined(method: Resampler, smote: SMOTE, able: list[int], seed: int) -> Any:
    if method == "smote_tomek":
        return SMOTETomek(smote=smote, tomek=TomekLinks(sampling_strategy=able), random_state=seed)
    if method == "smote_enn":
        return SMOTEENN(smote=smote, enn=EditedNearestNeighbours(sampling_strategy=able), random_state=seed)
    return smote


def _put_back(made: Floats, made_labels: Ints, features: Floats, labels: Ints) -> Resampled:
    """Restore the original rows of classes that cleaning emptied, because a head must know every class."""
    emptied = np.setdiff1d(labels, made_labels)
    lost = np.isin(labels, emptied)
    rows, row_labels = np.concatenate([made, features[lost]]), np.concatenate([made_labels, labels[lost]])
    return Resampled(rows, row_labels, tuple(int(label) for label in emptied))

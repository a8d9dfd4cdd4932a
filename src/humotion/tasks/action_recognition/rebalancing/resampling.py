"""Training rows of embeddings resampled to balanced classes (imbalanced-learn). Only training rows ever come here.

SMOTE (Chawla et al. 2002) puts new rows between neighbours of one class; with Tomek links or edited nearest neighbours
(Batista et al. 2004) rows that then stand among another class are taken out. A class of a single row has no neighbour
to go to: it is left alone, by the cleaning too, and named.
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
        emptied: classes whose every row the cleaning took out; their original rows were put back.
    """

    features: Floats
    labels: Ints
    emptied: tuple[int, ...] = ()


def classes_of_one(labels: Ints) -> list[int]:
    """Classes with a single row, between whose neighbours nothing can be made."""
    classes, counts = np.unique(labels, return_counts=True)
    return [int(label) for label in classes[counts == 1]]


def neighbours_for(labels: Ints, most: int) -> int:
    """Neighbours that SMOTE can look at: ``most``, or as many as the smallest class of more than one row has.

    0 if there is no such class.
    """
    counts = np.unique(labels, return_counts=True)[1]
    return min([most, *(int(count) - 1 for count in counts if count > 1)]) if (counts > 1).any() else 0


def resample(method: Resampler, features: Floats, labels: Ints, most_neighbours: int, seed: int) -> Resampled:
    """Every class as large as the largest, then cleaned where the method says so.

    Args:
        method: which; ``random_oversample`` repeats rows, also of classes of one.
        features: (N, C) standardised embeddings of the training clips.
        labels: (N,) their classes.
        most_neighbours: of SMOTE; fewer where the smallest class is smaller, see `neighbours_for`.
        seed: of the drawing.
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
    """Original rows again for classes that cleaning emptied: a head must know every class."""
    emptied = np.setdiff1d(labels, made_labels)
    lost = np.isin(labels, emptied)
    rows, row_labels = np.concatenate([made, features[lost]]), np.concatenate([made_labels, labels[lost]])
    return Resampled(rows, row_labels, tuple(int(label) for label in emptied))

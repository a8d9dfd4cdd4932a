"""Average precision of detections that were matched to labels, also with a weight per image.

AP is no mean over images: it sorts the detections of all images by score. Which detection takes which label is slow,
but depends on one image alone: that is done before (`Matches`). Training needs this too, for validation: dvc.yaml names
this file, so it imports nothing of the room.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Bools = npt.NDArray[np.bool_]
_RECALLS = np.linspace(0, 1, 101)


class Matches(NamedTuple):
    """Which detections are right, at K thresholds; N detections of all images, the surest first.

    Attributes:
        image: (N,) the place of each detection's image in ``image_ids``.
        scores: (N,) how sure the method is of each.
        hit: (K, N) whether it has found a labelled person.
        counted: (K, N) False if it has found a crowd, or a person without labelled joints.
        num_people: (I,) labelled people of each image that are to be found.
        image_ids: the images.
    """

    image: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    hit: Bools
    counted: Bools
    num_people: npt.NDArray[np.int64]
    image_ids: list[int]


def ap_of(matches: Matches, weights: npt.NDArray[np.integer] | None = None, thresholds: slice = slice(None)) -> float:
    """AP, in which each image counts as often as ``weights`` (I,) say, once if None; NaN without labelled people.

    ``thresholds`` chooses among the ten of OKS: ``slice(0, 1)`` is AP50, ``slice(5, 6)`` AP75.
    """
    times = np.ones(len(matches.num_people), np.int64) if weights is None else np.asarray(weights, np.int64)
    num_people = int(times @ matches.num_people)
    if not num_people:
        return float("nan")
    of_each = times[matches.image]
    found = []
    for hit, counted in zip(matches.hit[thresholds], matches.counted[thresholds], strict=True):
        total = np.cumsum(of_each * counted)
        right = np.flatnonzero(hit & counted & (of_each > 0))  # precision falls in between, so it is read only there
        num_right = np.cumsum(of_each[right])
        precision = np.maximum.accumulate((num_right / total[right])[::-1])[::-1]
        places = np.searchsorted(num_right / num_people, _RECALLS, side="left")
        found.append(np.append(precision, 0)[np.minimum(places, len(right))].mean())
    return float(np.mean(found))


def matches_of(table: pd.DataFrame, suffix: str = "") -> Matches:
    """Return the matches of a table with one row per image, as a task writes it for the comparison of versions.

    Args:
        table: ``scores`` (D,) of the detections of the image, the surest first; ``hit`` and ``counted`` (K * D,),
            threshold after threshold; ``weight``, the number of labelled people.
        suffix: of the names of these columns.
    """
    counts = [len(scores) for scores in table["scores" + suffix]]
    num_thresholds = max((len(hit) // n for hit, n in zip(table["hit" + suffix], counts, strict=True) if n), default=1)
    scores = np.concatenate([*table["scores" + suffix], []]).astype(float)

    def joined(column: str) -> Bools:
        parts = [np.asarray(one, bool).reshape(num_thresholds, -1) for one in table[column + suffix]]
        return np.concatenate([*parts, np.zeros((num_thresholds, 0), bool)], axis=1)

    order = np.argsort(-scores, kind="stable")
    image = np.repeat(np.arange(len(table)), counts)[order]
    numbers = table["weight"].to_numpy().astype(np.int64)
    hit, counted = (joined(column)[:, order] for column in ("hit", "counted"))
    return Matches(image, scores[order], hit, counted, numbers, list(range(len(table))))

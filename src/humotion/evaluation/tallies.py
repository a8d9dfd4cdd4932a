"""Scores over classes that can be resampled: hits, labels and predictions of each class, counted by group.

Macro-F1 and mean-class accuracy are not means over clips, so `paired_bootstrap` cannot judge them. But they are
functions of these counts, and the counts of drawn groups are the sum of the groups' counts. So two thousand draws are
one matrix product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from humotion.evaluation.bootstrap import BootstrapResult, draw_groups, percentile_interval

Floats = NDArray[np.float64]


def tally(predicted: NDArray[np.integer], labels: NDArray[np.integer], groups: ArrayLike, classes: int) -> Floats:
    """Counts (G, 3, C) per group and class: correct clips, clips with this label, clips with this prediction."""
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    right = predicted == labels
    counts = np.zeros((3, len(names), classes))
    np.add.at(counts[0], (group[right], labels[right]), 1)
    np.add.at(counts[1], (group, labels), 1)
    np.add.at(counts[2], (group, predicted), 1)
    return counts.swapaxes(0, 1)


def class_scores(tallies: Floats) -> dict[str, Floats]:
    """``top1``, ``macro_f1`` and ``mean_class_accuracy`` (...) of tallies (..., 3, C).

    Both means are over the classes that have a clip.
    """
    hits, labelled, predicted = np.moveaxis(tallies, -2, 0)
    present = labelled > 0
    f1 = 2 * hits / np.maximum(labelled + predicted, 1)
    recall = hits / np.maximum(labelled, 1)
    num_present = present.sum(axis=-1)
    return {
        "top1": hits.sum(axis=-1) / labelled.sum(axis=-1),
        "macro_f1": (f1 * present).sum(axis=-1) / num_present,
        "mean_class_accuracy": (recall * present).sum(axis=-1) / num_present,
    }


def class_recall(tallies: Floats) -> Floats:
    """Recall (..., C) of tallies (..., 3, C); NaN for a class without clips."""
    hits, labelled, _ = np.moveaxis(tallies, -2, 0)
    return np.divide(hits, labelled, out=np.full_like(hits, np.nan), where=labelled > 0)


def paired_class_bootstrap(a: Floats, b: Floats, seed: int, num_resamples: int) -> dict[str, BootstrapResult]:
    """Differences a - b with 95 % intervals from resampled groups, for every score of `class_scores` and every recall.

    The recall of class 3 is ``recall/3``. It uses only the draws that contain a clip of the class, and its interval is
    NaN if all clips of the class come from one group.

    Args:
        a: (G, 3, C) tallies of one system.
        b: (G, 3, C) tallies of the other system, for the same groups in the same order.
        seed: seed of the resampling; equal seeds draw equal groups.
        num_resamples: number of draws; each draws as many groups as there are.
    """
    drawn = draw_groups(len(a), seed, num_resamples).astype(np.float64)  # (R, G)
    whole_a, whole_b = (_scores_and_recalls(tallies.sum(axis=0)) for tallies in (a, b))
    drawn_a, drawn_b = (_scores_and_recalls(np.tensordot(drawn, tallies, axes=1)) for tallies in (a, b))
    num_groups = dict.fromkeys(whole_a, len(a)) | {
        f"recall/{index}": int(number) for index, number in enumerate((a[:, 1] > 0).sum(axis=0))
    }
    return {
        score: percentile_interval(float(whole_a[score] - whole_b[score]), drawn_a[score] - drawn_b[score], number)
        for score, number in num_groups.items()
    }


def _scores_and_recalls(tallies: Floats) -> dict[str, Floats]:
    recalls = np.moveaxis(class_recall(tallies), -1, 0)
    return class_scores(tallies) | {f"recall/{index}": recall for index, recall in enumerate(recalls)}

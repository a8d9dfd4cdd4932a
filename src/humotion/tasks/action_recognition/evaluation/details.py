"""Details of the scores of action recognition: confused pairs, calibration, and kinds of footage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from humotion.tasks.action_recognition.evaluation.scores import NUM_CALIBRATION_BINS

Floats = npt.NDArray[np.floating]
MOST_EXAMPLES = 3


def confused_pairs(clips: pd.DataFrame, probabilities: Floats, classes: Sequence[str]) -> pd.DataFrame:
    """List every pair of classes that was confused, the most frequent first.

    Columns: ``label``, ``predicted``, ``count``, ``share`` (of the label's clips), and ``examples``: as JSON, the ids
    of up to three such clips, the most confident first.

    Args:
        clips: (N rows) with ``clip_id`` and ``label_id``.
        probabilities: (N, classes) of the model.
        classes: names of the classes.
    """
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    labels, ids = clips["label_id"].to_numpy()[order], clips["clip_id"].to_numpy()[order]
    predicted = probabilities.argmax(axis=1)[order]
    sizes = np.bincount(labels, minlength=len(classes))
    rows = []
    for label, taken_for in np.unique(np.stack([labels, predicted])[:, labels != predicted], axis=1).T:
        found = ids[(labels == label) & (predicted == taken_for)].tolist()
        examples = json.dumps(found[:MOST_EXAMPLES])
        rows.append((classes[label], classes[taken_for], len(found), len(found) / sizes[label], examples))
    table = pd.DataFrame(rows, columns=["label", "predicted", "count", "share", "examples"])
    return table.sort_values(["count", "share"], ascending=False, kind="stable", ignore_index=True)


def calibration_table(probabilities: Floats, labels: npt.NDArray[np.integer]) -> pd.DataFrame:
    """Clips by the confidence of their prediction, in bins of equal width; empty bins are left out.

    Columns: ``low`` and ``high`` (of the bin), ``num_clips``, ``confidence`` (mean) and ``accuracy``. The mean
    absolute difference of these two, weighted by ``num_clips``, is the expected calibration error.
    """
    confidence = probabilities.max(axis=1)
    bins = np.minimum((confidence * NUM_CALIBRATION_BINS).astype(int), NUM_CALIBRATION_BINS - 1)
    right = probabilities.argmax(axis=1) == labels
    table = pd.DataFrame({"bin": bins, "confidence": confidence, "accuracy": right.astype(float)}).groupby("bin")
    means = table.mean()
    edges = {"low": means.index / NUM_CALIBRATION_BINS, "high": (means.index + 1) / NUM_CALIBRATION_BINS}
    return pd.DataFrame({**edges, "num_clips": table.size(), **means}).reset_index(drop=True)


def accuracy_by_field(
    fields: pd.DataFrame, groups: npt.NDArray[Any], right: npt.NDArray[np.bool_]
) -> pd.DataFrame | None:
    """Top-1 accuracy by the dataset's fields about the footage; None if there are no fields.

    Columns: ``field``, ``value``, ``num_clips``, ``num_groups``, ``top1`` and its 95 % interval ``low`` to ``high``
    (`grouped_wilson`). Fields depend on the classes and on each other.

    Args:
        fields: (N rows) the dataset's own columns, for example ``field_camera``; null if unknown for a clip.
        groups: (N,) film or recording of each clip.
        right: (N,) whether the prediction is correct.
    """
    rows = []
    for column in fields.columns:
        values = fields[column]
        for value in sorted(values.dropna().unique()):
            chosen = (values == value).to_numpy(bool)
            sizes = np.unique(groups[chosen], return_counts=True)[1]
            top1 = float(right[chosen].mean())
            name = column.removeprefix("field_")
            rows.append((name, value, chosen.sum(), len(sizes), top1, *grouped_wilson(top1, sizes)))
    columns = ["field", "value", "num_clips", "num_groups", "top1", "low", "high"]
    return pd.DataFrame(rows, columns=columns) if rows else None


def grouped_wilson(share: float, sizes: npt.NDArray[np.integer], confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a share of clips that come from groups of these ``sizes`` (G,).

    Instead of the number of clips, it uses (sum n)^2 / sum n^2. This is the equivalent number of independent draws if
    all clips of a group are right or wrong together. If all clips are right, or all are wrong, the interval does not
    shrink to a point as with a bootstrap.
    """
    draws = float(sizes.sum() ** 2 / (sizes**2).sum())
    z = float(norm.ppf((1 + confidence) / 2))
    centre = share + z**2 / (2 * draws)
    half = z * float(np.sqrt(share * (1 - share) / draws + (z / (2 * draws)) ** 2))
    scale = 1 + z**2 / draws
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)

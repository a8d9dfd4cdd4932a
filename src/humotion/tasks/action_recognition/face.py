"""Facts about action recognition for code that works with all tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from humotion.evaluation.bootstrap import BootstrapResult
from humotion.evaluation.face import OF_CHAMPION, gain_of_means
from humotion.evaluation.tallies import paired_class_bootstrap, tally

HEADLINES = ("top1", "macro_f1", "mean_class_accuracy")
SCORE_COLUMNS = {"top1": "score", "macro_f1": "predicted", "mean_class_accuracy": "predicted"}
LIMITS = (
    "The model always answers with one of its classes, even if the clip shows none of them. Its probabilities may not "
    "be calibrated. It may recognise footage of other cameras, places or people much worse than the test clips."
)


def intended_use(meta: Mapping[str, Any]) -> str:
    """See `humotion.evaluation.face.Face`."""
    return (
        "One label for a short clip that shows one of the classes below, in footage like that of the training "
        f"clips. Classes: {', '.join(meta.get('classes', []))}."
    )


def validation_gain(pairs: pd.DataFrame, metric: str, seed: int, num_resamples: int) -> BootstrapResult:
    """See `humotion.evaluation.face.Face`; for scores over classes, the counts per class are resampled."""
    if metric == "top1":
        return gain_of_means(pairs, SCORE_COLUMNS[metric], seed, num_resamples)
    labels, groups = pairs["label_id"].to_numpy(), pairs["group"].to_numpy(dtype=str)
    both = pairs["predicted"].to_numpy(), pairs["predicted" + OF_CHAMPION].to_numpy()
    classes = int(max(labels.max(), *(predicted.max() for predicted in both))) + 1
    ours, theirs = (tally(predicted, labels, groups, classes) for predicted in both)
    return paired_class_bootstrap(ours, theirs, seed, num_resamples)[metric]

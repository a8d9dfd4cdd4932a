"""Facts about multi-person pose for code that works with all tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from humotion.evaluation.average_precision import matches_of
from humotion.evaluation.bootstrap import BootstrapResult
from humotion.evaluation.face import OF_CHAMPION
from humotion.evaluation.paired_ap import paired_ap

HEADLINES = ("ap", "ap_50", "ar")
SCORE_COLUMNS = {"ap": "score", "ap_50": "score"}  # written with the matches that `validation_gain` reads
LIMITS = (
    "People who are small, hidden by others or partly outside the picture may be missed, joined or found twice. Joints "
    "in footage of other cameras, places or people may be much less accurate than in the test images."
)


def intended_use(meta: Mapping[str, Any]) -> str:
    """See `humotion.evaluation.face.Face`."""
    skeleton = meta["skeleton"]
    return (
        f"The {len(skeleton['joints'])} joints ({skeleton['name']}) of every person in a picture, in footage like that "
        "of the training images."
    )


def validation_gain(pairs: pd.DataFrame, metric: str, seed: int, num_resamples: int) -> BootstrapResult:
    """See `humotion.evaluation.face.Face`; AP is no mean over images, so each draw sorts the detections again."""
    ours, theirs = matches_of(pairs), matches_of(pairs, OF_CHAMPION)
    groups = dict(enumerate(pairs["group"]))
    thresholds = slice(0, 1) if metric == "ap_50" else slice(None)
    return paired_ap(ours, theirs, seed, num_resamples, groups, thresholds)

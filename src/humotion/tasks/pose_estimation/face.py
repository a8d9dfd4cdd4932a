"""Facts about pose estimation for code that works with all tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from humotion.evaluation.bootstrap import BootstrapResult
from humotion.evaluation.face import gain_of_means

HEADLINES = ("pck_0.2", "pck_0.1", "jitter")
SCORE_COLUMNS = {"pck_0.2": "score", "pck_0.1": "pck_0.1", "pck_0.05": "pck_0.05"}
LIMITS = (
    "One person per video. Every joint gets a position, even if it is hidden or outside the frame. Joints in footage "
    "of other cameras, places or people may be much less accurate than in the test clips."
)


def intended_use(meta: Mapping[str, Any]) -> str:
    """See `humotion.evaluation.face.Face`."""
    skeleton = meta["skeleton"]
    return (
        f"The {len(skeleton['joints'])} joints ({skeleton['name']}) of one person in a video, in footage like that of "
        "the training clips. The box of the person is known, or the person fills most of the frame."
    )


def validation_gain(pairs: pd.DataFrame, metric: str, seed: int, num_resamples: int) -> BootstrapResult:
    """See `humotion.evaluation.face.Face`; PCKs are means over clips, weighted by the joints that count."""
    return gain_of_means(pairs, SCORE_COLUMNS[metric], seed, num_resamples)

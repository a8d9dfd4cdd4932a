"""One row per video and model: what was predicted, how surely, and what the video is like."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from humotion.drift.compared import LABELS

_OF_VIDEO = ("status", "error", "num_frames", "width", "height", "fps", "seconds")
COLUMNS = (
    *("video", "experiment", "dataset", *_OF_VIDEO),
    *("label", "confidence", "entropy", "over_time", "believed"),
    *(name for name in LABELS if name not in _OF_VIDEO),
    "outside",
)
"""Columns of predictions.csv."""


def row_of(facts: Mapping[str, Any], prediction: Mapping[str, Any], measures: Mapping[str, float]) -> dict[str, Any]:
    """Return the row of a video and a model.

    Args:
        facts: what `humotion predict --json` prints of the video.
        prediction: one of its predictions; of a video that could not be read, only ``experiment`` and ``dataset``.
        measures: of `humotion.drift.measured.measure`; empty if the video could not be read.
    """
    return {
        "video": facts["path"],
        "experiment": prediction["experiment"],
        "dataset": prediction["dataset"],
        **{name: facts.get(name) for name in _OF_VIDEO},
        **_sureness(prediction),
        **measures,
        **{name: facts.get(name) for name in ("num_frames", "fps")},
    }


def _sureness(prediction: Mapping[str, Any]) -> dict[str, Any]:
    """The action and its probability, and how evenly probability is spread; or the share of believed joints."""
    found: dict[str, Any] = {}
    if (probabilities := prediction.get("probabilities")) is not None and len(probabilities):
        values = np.array([value for value in probabilities.values() if value is not None], float)
        found["label"] = prediction.get("label")
        found["over_time"] = "timeline" in prediction
        if len(values):
            found |= {"confidence": float(values.max()), "entropy": entropy_of(values)}
    if (believed := _believed(prediction)) is not None:
        found["believed"] = float(believed.mean()) if believed.size else None
    return found


def _believed(prediction: Mapping[str, Any]) -> np.ndarray | None:
    """Whether each joint is believed, of one person or of everybody; None of another prediction."""
    if "joints" in prediction:
        return np.asarray(prediction["joints"]["believed"], bool)
    if "people" in prediction:
        return np.array([one["believed"] for frame in prediction["people"]["frames"] for one in frame], bool)
    return None


def entropy_of(probabilities: np.ndarray) -> float:
    """Return the entropy of probabilities (classes,): 0 for one certain class, 1 if all are equally likely."""
    if len(probabilities) < 2:
        return 0.0
    positive = probabilities[probabilities > 0]
    return float(-(positive * np.log(positive)).sum() / math.log(len(probabilities)))

"""The interface of a task's ``face.py``, through which code for all tasks reads facts about one task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

import pandas as pd

from humotion import choices
from humotion.evaluation.bootstrap import BootstrapResult, paired_bootstrap

OF_CHAMPION = "_champion"
"""Suffix of a validation.parquet column with the champion's values."""


class Face(Protocol):
    """A task's ``face.py``.

    Attributes:
        HEADLINES: the test scores that `humotion summary` shows.
        SCORE_COLUMNS: for each metric that can compare versions, the column of validation.parquet that it needs.
        LIMITS: text on the limits of a model, for the model card.
    """

    HEADLINES: tuple[str, ...]
    SCORE_COLUMNS: Mapping[str, str]
    LIMITS: str

    def intended_use(self, meta: Mapping[str, Any]) -> str:
        """Return the intended use for the model card; ``meta`` is that of the clips."""
        ...

    def validation_gain(self, pairs: pd.DataFrame, metric: str, seed: int, num_resamples: int) -> BootstrapResult:
        """Return the gain in ``metric`` over the champion, with its interval, on clips that validated both.

        Args:
            pairs: the columns of validation.parquet, and those of the champion with the suffix `OF_CHAMPION`.
            metric: one of `SCORE_COLUMNS`.
            seed: seed of the resampling.
            num_resamples: number of draws.
        """
        ...


def load_face(task: str) -> Face:
    """Return the face of a task; raise a HumotionError that lists the tasks if it does not exist."""
    return cast(Face, choices.load("tasks", task, "face"))


def gain_of_means(pairs: pd.DataFrame, column: str, seed: int, num_resamples: int) -> BootstrapResult:
    """Return `Face.validation_gain` for a metric that is a weighted mean over clips."""
    scores = pairs[column], pairs[column + OF_CHAMPION]
    return paired_bootstrap(*scores, pairs["group"].tolist(), seed, num_resamples, weights=pairs["weight"])

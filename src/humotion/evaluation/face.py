"""What a task answers to those who know no task: its ``face.py``, read here by the task's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

import pandas as pd

from humotion import choices
from humotion.evaluation.bootstrap import BootstrapResult, paired_bootstrap

OF_CHAMPION = "_champion"
"""Behind the name of a column of validation.parquet: the champion's."""


class Face(Protocol):
    """A task's ``face.py``.

    Attributes:
        HEADLINES: the test scores that `humotion summary` shows.
        SCORE_COLUMNS: of each metric by which versions may be compared, the column of validation.parquet that it needs.
        LIMITS: for the model card.
    """

    HEADLINES: tuple[str, ...]
    SCORE_COLUMNS: Mapping[str, str]
    LIMITS: str

    def intended_use(self, meta: Mapping[str, Any]) -> str:
        """For the model card; ``meta`` is that of the clips."""
        ...

    def validation_gain(self, pairs: pd.DataFrame, metric: str, seed: int, num_resamples: int) -> BootstrapResult:
        """The gain in ``metric`` over the champion, with its interval, on clips that both were validated on.

        Args:
            pairs: the columns of validation.parquet, and those of the champion with `OF_CHAMPION` behind their names.
            metric: one of `SCORE_COLUMNS`.
            seed: of the resampling.
            num_resamples: its draws.
        """
        ...


def load_face(task: str) -> Face:
    """The face of a task; raises HumotionError that lists the tasks if there is no such."""
    return cast(Face, choices.load("tasks", task, "face"))


def gain_of_means(pairs: pd.DataFrame, column: str, seed: int, num_resamples: int) -> BootstrapResult:
    """`Face.validation_gain` of a metric that is a weighted mean over clips."""
    scores = pairs[column], pairs[column + OF_CHAMPION]
    return paired_bootstrap(*scores, pairs["group"].tolist(), seed, num_resamples, weights=pairs["weight"])

"""When a fusion is sure: by its own answers for the validation clips, as it is decided for its members."""

from __future__ import annotations

import numpy as np
import pandas as pd

from humotion.tasks.action_recognition.training.abstention import Abstention, abstention_of


def rule_of(validation: pd.DataFrame) -> Abstention:
    """Return the temperature and the threshold of a fusion.

    Args:
        validation: ``validation.parquet`` of its folder: ``probabilities``, ``label_id`` and ``group`` of each clip.
    """
    probabilities = np.stack(validation["probabilities"].to_list())
    return abstention_of(probabilities, validation["label_id"].to_numpy(), validation["group"].nunique())

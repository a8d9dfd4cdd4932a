"""The members of a fusion: their answers for validation and test clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from humotion.clips.datamodule import ClipDataModule
from humotion.errors import HumotionError
from humotion.params.document import Params
from humotion.tasks.action_recognition.fusion.mixture import mixed
from humotion.tasks.action_recognition.training.outcomes import action_probabilities
from humotion.training.description import read_description
from humotion.training.fusion import members_of
from humotion.training.model_folder import load_task

Floats = npt.NDArray[np.float64]
SCORED = ("val", "test")
FACTS = ["clip_id", "label", "label_id"]
"""Columns of the clips that all members must share."""


class Answered(NamedTuple):
    """The clips of a split, and the probabilities (N, classes) of a model for them."""

    clips: pd.DataFrame
    probabilities: Floats


def answers_of(name: str, params: Params) -> dict[str, Answered]:
    """Return the answers of an experiment or a fusion for the clips of each split, sorted by their ids."""
    if name in params.fusions:
        weights = members_of(read_description(Path("models") / name))
        both = common_answers(tuple(weights), params)
        return {split: Answered(clips, mixed(members, [*weights.values()])) for split, (clips, members) in both.items()}
    task, _ = load_task(Path("models") / name)
    data = ClipDataModule(name, params, task.model.num_neighbours)  # type: ignore[arg-type]
    return {split: _sorted(*action_probabilities(task, data, split, params.machine)) for split in SCORED}


def common_answers(names: Sequence[str], params: Params) -> dict[str, tuple[pd.DataFrame, list[Floats]]]:
    """Return the clips of each split, which all members share, and the probabilities (N, classes) of each member.

    Raises:
        HumotionError: members have other clips or labels, for example because one of them was not trained again.
    """
    answers = [answers_of(name, params) for name in names]
    for split, clips in ((split, answers[0][split].clips) for split in SCORED):
        for name, other in zip(names[1:], answers[1:], strict=True):
            if not clips[FACTS].equals(other[split].clips[FACTS]):
                raise HumotionError(
                    f"{names[0]} and {name} have other {split} clips or labels, so their answers cannot be added. "
                    "Run `dvc repro` for both, and give both the same `clips` in params.yaml."
                )
    return {split: (answers[0][split].clips, [one[split].probabilities for one in answers]) for split in SCORED}


def _sorted(clips: pd.DataFrame, probabilities: Floats) -> Answered:
    order = np.argsort(clips["clip_id"].to_numpy(), kind="stable")
    return Answered(clips.iloc[order].reset_index(drop=True), probabilities[order])

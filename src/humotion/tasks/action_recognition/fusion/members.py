"""The members of a fusion: their answers for the clips of a split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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


def answers_of(name: str, split: str, params: Params) -> tuple[pd.DataFrame, Floats]:
    """Return the clips of a split, sorted by id, and the probabilities (N, classes) of an experiment or a fusion."""
    if name in params.fusions:
        weights = members_of(read_description(Path("models") / name))
        clips, members = common_answers(tuple(weights), split, params)
        return clips, mixed(members, list(weights.values()))
    data, task = data_of(name, params), load_task(Path("models") / name)[0]
    clips, probabilities = action_probabilities(task, data, split, params.machine)
    order = np.argsort(clips["clip_id"].to_numpy(), kind="stable")
    return clips.iloc[order].reset_index(drop=True), probabilities[order]


def common_answers(names: Sequence[str], split: str, params: Params) -> tuple[pd.DataFrame, list[Floats]]:
    """Return the clips of a split, which all members share, and the probabilities (N, classes) of each member.

    Raises:
        HumotionError: members have other clips or labels, for example because one of them was not trained again.
    """
    (clips, first), *others = (answers_of(name, split, params) for name in names)
    for name, (other, _) in zip(names[1:], others, strict=True):
        facts = ["clip_id", "label", "label_id"]
        if not clips[facts].equals(other[facts]):
            raise HumotionError(
                f"{names[0]} and {name} have other {split} clips or labels, so their answers cannot be added. "
                "Run `dvc repro` for both, and give both the same `clips` in params.yaml."
            )
    return clips, [first, *(probabilities for _, probabilities in others)]


def data_of(name: str, params: Params) -> ClipDataModule:
    """Return the clips of an experiment, or of the first experiment in a fusion."""
    while name in params.fusions:
        name = params.fusions[name].of[0]
    task, _ = load_task(Path("models") / name)
    return ClipDataModule(name, params, task.model.num_neighbours)  # type: ignore[arg-type]

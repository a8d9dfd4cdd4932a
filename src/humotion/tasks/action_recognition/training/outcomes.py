"""The outputs of an action model for every clip of a split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from humotion.clips.datamodule import ClipDataModule
from humotion.clips.variants import AS_SAMPLED, Variant
from humotion.params.machine import MachineParams
from humotion.training.predict import predict
from humotion.training.task import Task

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ActionOutcome:
    """Outputs for all clips of one split.

    Attributes:
        clips: (N rows) the table of the clips.
        probabilities: (N, classes) of the model.
        embeddings: (N, C) before the model's head.
    """

    clips: pd.DataFrame
    probabilities: npt.NDArray[np.float64]
    embeddings: Floats


def action_outcome(
    task: Task, data: ClipDataModule, split: str, machine: MachineParams, variant: Variant = AS_SAMPLED
) -> ActionOutcome:
    """Run an action model on the clips of a split, each once and not augmented."""
    outputs = predict(task, data.evaluation_dataloader(split, variant), machine)
    index, probabilities, embeddings = (
        torch.cat([output[key] for output in outputs]) for key in ("clip_index", "probabilities", "embeddings")
    )
    clips = data.clips(split).iloc[index.numpy()].reset_index(drop=True)
    return ActionOutcome(clips, probabilities.double().numpy(), embeddings.numpy())


def action_probabilities(
    task: Task, data: ClipDataModule, split: str, machine: MachineParams, variant: Variant = AS_SAMPLED
) -> tuple[pd.DataFrame, npt.NDArray[np.float64]]:
    """Return the clips of a split, and their class probabilities (N, classes)."""
    outcome = action_outcome(task, data, split, machine, variant)
    return outcome.clips, outcome.probabilities


def scored_clips(clips: pd.DataFrame, probabilities: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Return top-1 of each clip (weight 1), and what scores that are not means need.

    These are ``label_id``, ``predicted``, and ``probabilities``, a list per clip.
    """
    predicted = probabilities.argmax(axis=1)
    right = predicted == clips["label_id"]
    scored = clips[["clip_id", "group"]].assign(score=right.astype(float), weight=1.0)
    return scored.assign(label_id=clips["label_id"], predicted=predicted, probabilities=list(probabilities))

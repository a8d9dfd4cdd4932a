"""Embeddings of a trained model's clips, cached between calls as long as model, clips and frames are the same."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from safetensors import safe_open
from safetensors.numpy import save_file

from humotion.clips.datamodule import ClipDataModule
from humotion.clips.splits import SPLITS
from humotion.files import atomic_path
from humotion.params.machine import MachineParams
from humotion.tasks.action_recognition.training.outcomes import ActionOutcome, action_outcome
from humotion.training.task import Task


def embed_clips(
    task: Task, data: ClipDataModule, machine: MachineParams, cache: Path, digest: str
) -> dict[str, ActionOutcome]:
    """Return the outputs for every split, each clip once and not augmented.

    Args:
        task: a trained action model.
        data: its clips.
        machine: settings of this machine.
        cache: a safetensors file, read if its digest equals ``digest``, otherwise written.
        digest: digest of everything that the embeddings depend on.
    """
    kept = _read(cache, digest, {split: data.clips(split) for split in SPLITS})
    if kept is not None:
        return kept
    outcomes = {split: action_outcome(task, data, split, machine) for split in SPLITS}
    arrays = {
        f"{split}/{name}": getattr(outcome, name)
        for split, outcome in outcomes.items()
        for name in ("probabilities", "embeddings")
    }
    with atomic_path(cache) as temporary:
        save_file(arrays, temporary, {"digest": digest})
    return outcomes


def _read(cache: Path, digest: str, clips: dict[str, pd.DataFrame]) -> dict[str, ActionOutcome] | None:
    if not cache.exists():
        return None
    with safe_open(cache, "numpy") as stored:
        if stored.metadata()["digest"] != digest:
            return None
        return {
            split: ActionOutcome(
                table, stored.get_tensor(f"{split}/probabilities"), stored.get_tensor(f"{split}/embeddings")
            )
            for split, table in clips.items()
        }

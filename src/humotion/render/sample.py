"""Render the complete sample: both datasets, in worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
from joblib import delayed
from tqdm import tqdm

from humotion.errors import HumotionError
from humotion.files import atomic_folder
from humotion.parallel import run_in_order
from humotion.render import hmdb51, penn_action

DATASETS = ("hmdb51", "penn_action")


def render_sample(out: Path, seed: int = 0, workers: int = 2, datasets: Sequence[str] = DATASETS) -> None:
    """Render ``out/hmdb51`` and ``out/penn_action``.

    Raises:
        HumotionError: ``out`` is not empty, a dataset is unknown, or pybullet or ffmpeg is missing.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise HumotionError(f"{out} is not an empty folder; choose a new one, so that nothing is overwritten.")
    unknown = sorted(set(datasets) - set(DATASETS))
    if unknown:
        raise HumotionError(f"There is no sample of {', '.join(unknown)}; available: {', '.join(DATASETS)}.")
    with atomic_folder(out) as folder:
        if "hmdb51" in datasets:
            render_hmdb51(hmdb51.plan(seed), folder / "hmdb51", seed, workers)
        if "penn_action" in datasets:
            render_penn_action(penn_action.plan(seed), folder / "penn_action", workers)


def render_hmdb51(jobs: Sequence[hmdb51.Job], root: Path, seed: int, workers: int) -> None:
    """Render the clips of ``jobs`` and write their splits."""
    clips = list(_spread(hmdb51.write_clip, jobs, root, workers))
    hmdb51.write_splits(clips, root, seed)


def render_penn_action(jobs: Sequence[penn_action.Job], root: Path, workers: int) -> None:
    """Render the sequences of ``jobs``."""
    list(_spread(penn_action.write_sequence, jobs, root, workers))


def _spread(write: Callable[[Any, Path], Any], jobs: Sequence[Any], root: Path, workers: int) -> Iterable[Any]:
    """Run ``write`` on every job in worker processes; results come in the order of the jobs."""
    results = run_in_order((delayed(_single_threaded)(write, job, root) for job in jobs), workers)
    return tqdm(results, total=len(jobs), desc=f"rendering {root.name}", unit="clip")


def _single_threaded(write: Callable[[Any, Path], Any], job: Any, root: Path) -> Any:
    cv2.setNumThreads(1)  # one thread per worker: OpenCV would start one per core in each worker
    return write(job, root)

"""Render the sample, or chosen datasets of it, in worker processes."""

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
from humotion.render import crowd, crowd_tracks, hmdb51, penn_action

DATASETS = ("hmdb51", "penn_action")
"""The datasets of one person that are rendered if nothing else is said."""

OF_CROWDS = ("crowd", "crowd_tracks")
"""The datasets of several people: pictures, and sequences with tracks."""


def render_sample(out: Path, seed: int = 0, workers: int = 2, datasets: Sequence[str] = DATASETS) -> None:
    """Render each of ``datasets`` into the folder of its name in ``out``.

    Raises:
        HumotionError: ``out`` is not empty, a dataset is unknown, or pybullet or ffmpeg is missing.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise HumotionError(f"{out} is not an empty folder; choose a new one, so that nothing is overwritten.")
    available = (*DATASETS, *OF_CROWDS)
    unknown = sorted(set(datasets) - set(available))
    if unknown:
        raise HumotionError(f"There is no sample of {', '.join(unknown)}; available: {', '.join(available)}.")
    with atomic_folder(out) as folder:
        if "hmdb51" in datasets:
            render_hmdb51(hmdb51.plan(seed), folder / "hmdb51", seed, workers)
        if "penn_action" in datasets:
            render_penn_action(penn_action.plan(seed), folder / "penn_action", workers)
        if "crowd" in datasets:
            render_crowd(crowd.plan(seed), folder / "crowd", workers)
        if "crowd_tracks" in datasets:
            render_crowd_tracks(crowd_tracks.plan(seed), folder / "crowd_tracks", workers)


def render_hmdb51(jobs: Sequence[hmdb51.Job], root: Path, seed: int, workers: int) -> None:
    """Render the clips of ``jobs`` and write their splits."""
    clips = list(_spread(hmdb51.write_clip, jobs, root, workers))
    hmdb51.write_splits(clips, root, seed)


def render_penn_action(jobs: Sequence[penn_action.Job], root: Path, workers: int) -> None:
    """Render the sequences of ``jobs``."""
    list(_spread(penn_action.write_sequence, jobs, root, workers))


def render_crowd(jobs: Sequence[crowd.Job], root: Path, workers: int) -> None:
    """Render the pictures of ``jobs`` and write their files of labels."""
    crowd.write_labels(_spread(crowd.write_picture, jobs, root, workers), root)


def render_crowd_tracks(jobs: Sequence[crowd_tracks.Job], root: Path, workers: int) -> None:
    """Render the sequences of ``jobs``."""
    list(_spread(crowd_tracks.write_sequence, jobs, root, workers))


def _spread(write: Callable[[Any, Path], Any], jobs: Sequence[Any], root: Path, workers: int) -> Iterable[Any]:
    """Run ``write`` on every job in worker processes; results come in the order of the jobs."""
    results = run_in_order((delayed(_single_threaded)(write, job, root) for job in jobs), workers)
    return tqdm(results, total=len(jobs), desc=f"rendering {root.name}", unit="clip")


def _single_threaded(write: Callable[[Any, Path], Any], job: Any, root: Path) -> Any:
    cv2.setNumThreads(1)  # one thread per worker: OpenCV would start one per core in each worker
    return write(job, root)

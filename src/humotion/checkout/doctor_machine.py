"""The doctor on the machine around a training: shared memory, the commands on PATH, DVC's locks."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from humotion.checkout.findings import Finding
from humotion.errors import HumotionError
from humotion.params.document import load_params
from humotion.work import main_checkout

SHARED_MEMORY = Path("/dev/shm")
_PREFETCH = 2  # batches that each worker process of a loader prepares in advance: torch's default
_FLOAT = 4  # bytes


def check_shared_memory() -> Finding:
    """Compare /dev/shm, through which loader workers send batches, with the batches of the experiments."""
    try:
        params = load_params()
    except HumotionError:
        return Finding("shared memory", "ok", "not compared: params.yaml is not valid")
    workers = params.machine.num_workers
    if not workers or not SHARED_MEMORY.is_dir():
        return Finding("shared memory", "ok", "not needed: the loaders have no worker processes")
    needed = 0
    for experiment in params.experiments.values():
        frames = getattr(experiment.clips, "num_frames", None) or 1
        pixels = experiment.augment.size**2 if experiment.augment.gives == "frames" else 0
        batch = experiment.trainer.batch_size * frames * 3 * pixels * _FLOAT
        needed = max(needed, batch * workers * _PREFETCH)
    free = shutil.disk_usage(SHARED_MEMORY).free
    found = f"{free / 1e6:,.0f} MB free in {SHARED_MEMORY}; batches of {workers} workers need {needed / 1e6:,.0f} MB"
    if free > needed:
        return Finding("shared memory", "ok", found)
    advice = "Set machine.workers: 0 in params.yaml, or give the container more: `docker run --shm-size 8g`."
    return Finding("shared memory", "fail", found, advice)


def check_commands() -> Finding:
    """Look for `humotion` on PATH: DVC starts the stages by this name, and else they end with code 127."""
    found = shutil.which("humotion")
    if found is not None:
        return Finding("commands", "ok", found)
    folder = Path(sys.executable).parent
    advice = f"DVC could not start the stages. Activate the environment: source {folder / 'activate'}"
    return Finding("commands", "fail", "`humotion` is not on PATH", advice)


def check_dvc_locks() -> Finding:
    """Read the file in which DVC notes who reads and writes what; if it is damaged, no DVC command works."""
    path = main_checkout() / ".dvc" / "tmp" / "rwlock"
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Finding("dvc locks", "ok", "no lock is held")
    except ValueError:
        found = f"{path} is damaged, perhaps by a full disk"
        return Finding("dvc locks", "fail", found, f"If no dvc command runs now: rm {path}")
    return Finding("dvc locks", "ok", f"{path} can be read")

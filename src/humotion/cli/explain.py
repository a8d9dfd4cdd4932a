"""Errors of this machine that any command can meet (a full disk, too little shared memory), in one sentence each.

The libraries report them in many ways: as OSError, as SQLite's OperationalError inside MLflow's exception, as torch's
RuntimeError with the traceback of a worker process.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from humotion.errors import HumotionError
from humotion.params.document import load_params
from humotion.work import main_checkout

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXTS = (
    *("database or disk is full", "No space left on device", "Disk quota exceeded"),
    *("PytorchStreamWriter failed writing", "unexpected pos"),  # torch.save
)
_SHARED_MEMORY = ("shared memory", "Bus error", "/torch_", "/dev/shm")
SHARED_MEMORY_ADVICE = (
    "Set machine.workers: 0 in params.yaml, or give the container more: `docker run --shm-size 8g` or `--ipc host`."
)


def explanation(error: BaseException) -> str | None:
    """What is wrong and what to do, if the machine and not the program is the cause; None for other errors."""
    causes = list(_causes(error))
    texts = [str(cause) for cause in causes]
    is_full = any(isinstance(cause, OSError) and cause.errno in _FULL for cause in causes)
    is_full = is_full or any(sign in text for sign in _FULL_TEXTS for text in texts)
    about_memory = any(sign in text for sign in _SHARED_MEMORY for text in texts)
    if about_memory and (is_full or any("allocate" in text or "Bus error" in text for text in texts)):
        size = _megabytes(shutil.disk_usage("/dev/shm").total) if Path("/dev/shm").is_dir() else "no"
        return (
            f"The loader's worker processes need more shared memory than /dev/shm has ({size} in total). "
            f"{SHARED_MEMORY_ADVICE}"
        )
    if not is_full:
        return None
    full, purpose = _fullest(causes)
    return (
        f"The disk is full: {full} ({purpose}) has {_megabytes(shutil.disk_usage(full).free)} free. "
        "Free some space there and run the same command again: finished work is kept."
    )


def _fullest(causes: list[BaseException]) -> tuple[Path, str]:
    """The folder where a write failed, as the error names it, or else the one with the least space; and its purpose."""
    named = [Path(os.fsdecode(cause.filename)) for cause in causes if isinstance(cause, OSError) and cause.filename]
    places = [(_existing(path.absolute()), "written to") for path in named]
    return places[0] if places else min(_places(), key=lambda place: shutil.disk_usage(place[0]).free)


def _places() -> Iterator[tuple[Path, str]]:
    checkout = main_checkout()
    yield _existing(Path.cwd()), "this checkout"
    yield _existing(checkout / ".humotion"), "unfinished work and the MLflow store"
    uri = os.environ.get("MLFLOW_TRACKING_URI") or _configured_store()
    if uri.startswith("sqlite:///"):
        yield _existing(Path(uri.removeprefix("sqlite:///")).absolute()), "the MLflow store"
    # The module `tempfile` leaves a full folder for another one.
    yield _existing(Path(os.environ.get("TMPDIR") or tempfile.gettempdir())), "temporary files, TMPDIR"


def _configured_store() -> str:
    try:
        return load_params().machine.tracking_uri or ""
    except HumotionError:
        return ""


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.is_dir())


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"

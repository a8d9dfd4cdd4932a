"""Runs on their way to a remote store: each is written to disk first, and removed when all of it arrived.

``.humotion/outbox/<name>/`` in the main checkout has a small MLflow store of its own (``mlflow.db``,
artifacts beside it) and ``run.json``. So a training never waits for a server, and one that stops,
comes back, or forgets takes nothing with it. A lock beside the folder tells a run that is being
written from one that waits.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from humotion.errors import HumotionError
from humotion.files import read_json, write_json
from humotion.work import main_checkout

STATE = "run.json"


@dataclass
class WaitingRun:
    """A run on disk, and what is known of its place at the server.

    Attributes:
        folder: where it lies.
        server: the store it is for, without password.
        experiment: the MLflow experiment there.
        name: of the run.
        local_id: its id in the folder's own store.
        adds_to: the run that it goes on with or adds to, if it began elsewhere.
        run_id: its id at the server, once that has it.
        created: the server has the run from here, and not from before.
        training: it is one, and not an addition to a finished one.
        ended: its process closed it, and did not die.
        if_new: names of tags and metrics that only repeat what the run ``adds_to`` has, if it is still there.
        same_as: MLflow's filter for a run at the server that is this one, begun by another process.
    """

    folder: Path
    server: str
    experiment: str | None
    name: str
    local_id: str = ""
    adds_to: str | None = None
    run_id: str | None = None
    created: bool = False
    training: bool = False
    ended: bool = False
    if_new: dict[str, list[str]] = field(default_factory=dict)
    same_as: str | None = None

    @property
    def store(self) -> str:
        """URI of its own store."""
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    @property
    def known_as(self) -> str:
        """The id by which others know the run: the server's, unless it was never reached."""
        return self.run_id or self.adds_to or self.local_id

    def save(self) -> None:
        """Write what is known of it."""
        state = {key: value for key, value in asdict(self).items() if key != "folder"}
        write_json(self.folder / STATE, state)

    def repeats(self, kind: str, name: str) -> bool:
        """Whether a tag or metric would only repeat what the server's run has from before."""
        return not self.created and name in self.if_new.get(kind, ())

    def remove(self) -> None:
        """Remove it from disk. Killed on the way, it is no waiting run any more."""
        (self.folder / STATE).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        Path(f"{self.folder}.lock").unlink(missing_ok=True)


def outbox_folder() -> Path:
    """The folder of all runs that wait."""
    return main_checkout() / ".humotion" / "outbox"


def waiting_runs() -> list[WaitingRun]:
    """All runs on disk, oldest first; those being written are among them."""
    states = sorted(outbox_folder().glob(f"*/{STATE}"), key=lambda path: path.parent.name)
    return [run for path in states if (run := _read(path.parent)) is not None]


def find_waiting(run_id: str, server: str) -> WaitingRun | None:
    """The run on disk for this server that is known by this id, here or there."""
    runs = (run for run in waiting_runs() if run.server == shown(server))
    return next((run for run in runs if run_id in (run.local_id, run.run_id, run.adds_to)), None)


def shown(uri: str) -> str:
    """An address as it may be told and kept: a password is nobody's business."""
    return re.sub(r"://[^/@\s]+@", "://***@", uri)


@contextmanager
def claimed(run: WaitingRun, patience: float) -> Iterator[WaitingRun | None]:
    """Hold a run, so that no other process writes or sends it; None if another has sent and removed it.

    Raises:
        HumotionError: another process holds it for longer than ``patience`` seconds.
    """
    lock = FileLock(f"{run.folder}.lock")
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        raise HumotionError(f"Another process works on the run in {run.folder}; wait until it has ended.") from None
    try:
        yield _read(run.folder)
    finally:
        lock.release()
        if not run.folder.exists():
            Path(f"{run.folder}.lock").unlink(missing_ok=True)


def clear_litter() -> None:
    """Remove folders of processes that died while making or removing them: no run is in them."""
    for folder in outbox_folder().glob("*/"):
        if (folder / STATE).exists():
            continue
        with suppress(HumotionError), claimed(WaitingRun(folder, "", None, ""), 0) as run:
            if run is None:
                shutil.rmtree(folder, ignore_errors=True)


def is_held(run: WaitingRun) -> bool:
    """Whether a process works on it at present."""
    try:
        with claimed(run, 0):
            return False
    except HumotionError:
        return True


def _read(folder: Path) -> WaitingRun | None:
    """A run's state; None if it is being removed."""
    try:
        state: dict[str, Any] = read_json(folder / STATE)
    except FileNotFoundError:
        return None
    return WaitingRun(folder=folder, **state)

"""Runs for a remote store: each is written to disk first, and removed when the store has all of it.

``.humotion/outbox/<name>/`` in the main checkout has its own small MLflow store (``mlflow.db``, with artifacts next to
it) and ``run.json``. So a training never waits for a server, and nothing is lost if the server stops, restarts or loses
data meanwhile. A lock file next to the folder distinguishes a run that is being written from one that waits.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from humotion.errors import HumotionError
from humotion.files import read_json, write_json
from humotion.tracking.address import shown
from humotion.work import main_checkout

STATE = "run.json"


@dataclass
class WaitingRun:
    """A run on disk, and the known facts about it at the server.

    Attributes:
        folder: its folder.
        server: the store that it is for, without password.
        experiment: the MLflow experiment there.
        name: of the run.
        local_id: its id in the folder's own store.
        adds_to: the run that it resumes or adds to, if that started elsewhere.
        run_id: its id at the server, as soon as the server has it.
        created: this run was created at the server from here, and did not exist there before.
        training: it is a training, and not an addition to a finished one.
        ended: its process closed it, and did not die.
        if_new: names of tags and metrics to leave out if the server already has the run ``adds_to``.
        same_as: MLflow filter that finds the same run at the server, if another process started it.
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
        """The URI of its own store."""
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    @property
    def known_as(self) -> str:
        """The id that other processes use: that of the server, if it was ever reached."""
        return self.run_id or self.adds_to or self.local_id

    def save(self) -> None:
        """Write its state to ``run.json``."""
        state = {key: value for key, value in asdict(self).items() if key != "folder"}
        write_json(self.folder / STATE, state)

    def repeats(self, kind: str, name: str) -> bool:
        """Whether an older run at the server already has this tag or metric."""
        return not self.created and name in self.if_new.get(kind, ())

    def remove(self) -> None:
        """Remove it from disk. If this is interrupted, the rest is no longer a waiting run."""
        (self.folder / STATE).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        Path(f"{self.folder}.lock").unlink(missing_ok=True)


def outbox_folder() -> Path:
    """The folder of all runs that wait."""
    return main_checkout() / ".humotion" / "outbox"


def waiting_runs() -> list[WaitingRun]:
    """All runs on disk, oldest first, including those that are being written."""
    states = sorted(outbox_folder().glob(f"*/{STATE}"), key=lambda path: path.parent.name)
    return [run for path in states if (run := _read(path.parent)) is not None]


def find_waiting(run_id: str, server: str) -> WaitingRun | None:
    """The run on disk for this server with this id, which may be its id on disk or at the server."""
    runs = (run for run in waiting_runs() if run.server == shown(server))
    return next((run for run in runs if run_id in (run.local_id, run.run_id, run.adds_to)), None)


@contextmanager
def claimed(run: WaitingRun, patience: float) -> Iterator[WaitingRun | None]:
    """Lock a run, so that no other process writes or sends it; None if another process has sent and removed it.

    Raises:
        HumotionError: another process locks it for more than ``patience`` seconds.
    """
    lock = FileLock(f"{run.folder}.lock")
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        raise HumotionError(f"Another process uses the run in {run.folder}. Wait until it has ended.") from None
    try:
        yield _read(run.folder)
    finally:
        lock.release()
        if not run.folder.exists():
            Path(f"{run.folder}.lock").unlink(missing_ok=True)


def clear_litter() -> list[str]:
    """Remove folders without a run, and return their names: their processes died while they created or removed them."""
    removed = []
    for folder in outbox_folder().glob("*/"):
        if (folder / STATE).exists():
            continue
        with suppress(HumotionError), claimed(WaitingRun(folder, "", None, ""), 0) as run:
            if run is None:
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder.name)
    return removed


def is_held(run: WaitingRun) -> bool:
    """Whether a process uses the run now."""
    try:
        with claimed(run, 0):
            return False
    except HumotionError:
        return True


def _read(folder: Path) -> WaitingRun | None:
    """Read the state of a run; None if it is being removed."""
    try:
        state: dict[str, Any] = read_json(folder / STATE)
    except FileNotFoundError:
        return None
    return WaitingRun(folder=folder, **state)

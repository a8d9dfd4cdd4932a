"""Where a run is written: to the store in use, or through the outbox if that store is remote.

A run for a remote store is written only to a folder of the outbox, which has its own small store. So a training does
not depend on whether the server answers. Such a folder has these states:

=========  ==================================  ==================================================================
state      claimed by                          what happens
=========  ==================================  ==================================================================
written    the process that writes the run     a thread (`Live`) sends new data, so that users can watch the run
ended      still that process                  `deliver` sends the rest, compares, and removes the folder
waiting    no process; ``ended`` is true       the server did not answer: `humotion track sync` sends the run, or the
                                               next command that needs it
abandoned  no process; ``ended`` is false      the process died: a process that resumes the run claims the folder and
                                               continues; a run that is sent before that is marked as failed
=========  ==================================  ==================================================================
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock
from mlflow import __version__ as mlflow_version
from mlflow.entities import Param
from mlflow.tracking import MlflowClient

from humotion.errors import HumotionError
from humotion.files import atomic_folder, atomic_path
from humotion.tracking.address import shown
from humotion.tracking.outbox.delivery import deliver
from humotion.tracking.outbox.live import Live, tell
from humotion.tracking.outbox.server import is_remote, why_unreachable
from humotion.tracking.outbox.waiting import WaitingRun, claimed, find_waiting, outbox_folder, waiting_runs
from humotion.tracking.relocation import relocate
from humotion.tracking.store import connect, experiment_id, find_run, tracking_uri, use

PATIENCE = 60.0  # seconds to wait for the loaders of a dead process, or for another process that sends the run


@dataclass(frozen=True)
class WantedRun:
    """A run to write.

    Attributes:
        experiment: the MLflow experiment; None for a run that exists.
        name: of the run.
        run_id: a run to resume or to add to.
        training: the run is a training.
        if_new: names of tags and metrics that are only needed if the store does not have the run ``run_id``.
    """

    experiment: str | None
    name: str
    run_id: str | None = None
    training: bool = False
    if_new: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass
class Place:
    """Where a run is written; MLflow uses this store.

    Attributes:
        experiment_id: of the experiment in that store.
        run_id: the run in that store to resume, if it exists.
        is_described: that store or the server already has the first data of the run (parameters, tags, model).
    """

    experiment_id: str | None
    run_id: str | None = None
    is_described: bool = False

    def started(self, run_id: str) -> str:
        """Called with the id of the run in that store; returns the id that other processes use."""
        return run_id


class OutboxPlace(Place):
    """A place on disk, from which a run is sent to a remote store."""

    def __init__(self, waiting: WaitingRun, uri: str, problem: str | None) -> None:
        self.waiting = waiting
        self.live = Live(waiting, uri, problem)
        found = waiting.local_id or None
        super().__init__(_local_experiment(waiting), found, bool(found))

    def started(self, run_id: str) -> str:
        """Send the first data of the run to the server, and new data from now on.

        Raises:
            HumotionError: the server refuses the run.
        """
        self.waiting.local_id = run_id
        self.waiting.save()
        try:
            self.live.start_sending()
        except HumotionError:
            if self.run_id is None:  # the run has no results yet
                self.waiting.local_id = ""
            raise
        return self.waiting.known_as


@contextmanager
def open_place(configured: str | None, wanted: WantedRun) -> Iterator[Place]:
    """Make MLflow write a run to the right store, and send the run to its server if it has one.

    Args:
        configured: the configured tracking URI, if any.
        wanted: the run.

    Raises:
        HumotionError: the store answers, but refuses.
    """
    uri = tracking_uri(configured)
    if is_remote(uri):
        with write_through_outbox(uri, wanted) as place:
            yield place
    else:
        yield write_locally(connect(configured), wanted)


def write_locally(client: MlflowClient, wanted: WantedRun) -> Place:
    """The place of a run in a store on this machine; nothing has to be sent."""
    if wanted.experiment is None:
        return Place(None, wanted.run_id, True)
    found = None if wanted.run_id is None else find_run(client, wanted.run_id, wanted.experiment)
    return Place(experiment_id(client, wanted.experiment), found, found is not None)


@contextmanager
def write_through_outbox(uri: str, wanted: WantedRun) -> Iterator[OutboxPlace]:
    """A folder of the outbox, which is claimed while the run is written, and sent at its end (see the states above).

    Raises:
        HumotionError: the server refuses the run, or another process writes it.
    """
    problem = why_unreachable(uri)
    with ExitStack() as claims:
        waiting = None if wanted.run_id is None else _reopened(claims, wanted.run_id, uri)
        at_server = False
        if waiting is None:
            waiting = _new(claims, wanted, uri)
            at_server = _link_to_server(waiting, wanted, uri, is_reachable=problem is None)
        waiting.ended = False
        waiting.save()
        use(waiting.store)
        place = OutboxPlace(waiting, uri, problem)
        place.is_described = place.is_described or at_server
        try:
            yield place
        except BaseException:
            _close(place, uri, failed=True)
            raise
        _close(place, uri)


def _link_to_server(waiting: WaitingRun, wanted: WantedRun, uri: str, is_reachable: bool) -> bool:
    """Record which run at the server a new run on disk adds to; return whether the server is known to have that run.

    While the server is unreachable, the new run gets a complete description. If the server then has the old run, the
    tags and metrics in ``if_new`` are not sent.
    """
    if wanted.run_id is None:
        return False
    if is_reachable:
        waiting.adds_to = find_run(MlflowClient(uri), wanted.run_id, wanted.experiment)
        return waiting.adds_to is not None
    waiting.adds_to, waiting.if_new = wanted.run_id, dict(wanted.if_new)
    return False


def start_in_outbox(wanted: WantedRun, tags: Mapping[str, str], params: Mapping[str, str], same: str, uri: str) -> str:
    """The id of a run that several processes write, which is started in the outbox while its server is unreachable.

    ``same`` is the MLflow filter for the run. It is started only once: the next process finds it there.
    """
    for waiting in waiting_runs():
        if waiting.same_as == same and waiting.server == shown(uri):
            return waiting.local_id
    with ExitStack() as claims:
        waiting = _new(claims, wanted, uri)
        client = MlflowClient(waiting.store)
        run_id = str(client.create_run(_local_experiment(waiting), tags=dict(tags), run_name=wanted.name).info.run_id)
        client.log_batch(run_id, params=[Param(*item) for item in params.items()])
        waiting.local_id, waiting.same_as, waiting.ended = run_id, same, True
        waiting.save()
    return run_id


def store_of(run_id: str, configured: str | None = None) -> tuple[MlflowClient, str] | None:
    """A client of the store that has a run now, and the run's id there; None if no reachable store has it."""
    uri = tracking_uri(configured)
    if is_remote(uri):
        waiting = find_waiting(run_id, uri)
        if waiting is not None and waiting.local_id and waiting.adds_to is None:
            return MlflowClient(waiting.store), waiting.local_id
        if why_unreachable(uri) is not None:
            return None
    client = MlflowClient(uri)
    found = find_run(client, run_id, None)
    return None if found is None else (client, found)


def send_waiting(run_id: str, configured: str | None = None) -> None:
    """Send the run to its server if it still waits.

    Raises:
        HumotionError: the run must wait, because the server does not answer or refuses.
    """
    uri = tracking_uri(configured)
    while is_remote(uri) and (waiting := find_waiting(run_id, uri)) is not None:
        with claimed(waiting, PATIENCE) as run:
            if run is not None and (problem := deliver(run, uri)) is not None:
                raise HumotionError(
                    f"Run {run_id} waits on disk for the MLflow store {shown(uri)}: {problem}. "
                    "Nothing is lost. Run the same command again when the store answers."
                )


def _reopened(claims: ExitStack, run_id: str, uri: str) -> WaitingRun | None:
    """The run on disk with this id, if there is one; it is claimed from now on."""
    waiting = find_waiting(run_id, uri)
    return None if waiting is None else claims.enter_context(claimed(waiting, PATIENCE))


def _new(claims: ExitStack, wanted: WantedRun, uri: str) -> WaitingRun:
    """A new folder in the outbox with an empty store; it is claimed from the start."""
    stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9:09d}"
    folder = outbox_folder() / f"{stamp}-{wanted.name}"
    waiting = WaitingRun(folder, shown(uri), wanted.experiment, wanted.name, training=wanted.training)
    empty = _empty_store()
    claims.enter_context(claimed(waiting, 0))
    with atomic_folder(folder) as temporary:
        shutil.copy(empty, temporary / "mlflow.db")
    return waiting


def _empty_store() -> Path:
    """A store without runs, to copy: MLflow needs seconds to create the tables."""
    empty = outbox_folder() / f"empty-{mlflow_version}.db"
    empty.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{empty}.lock"):
        if not empty.exists():
            with atomic_path(empty) as temporary:
                MlflowClient(f"sqlite:///{temporary}").search_experiments(max_results=1)
    return empty


def _local_experiment(waiting: WaitingRun) -> str:
    """The experiment in the own store of the run; its files lie there too, wherever the checkout was moved."""
    relocate(waiting.folder / "mlflow.db")
    return experiment_id(MlflowClient(waiting.store), waiting.experiment or "run")


def _close(place: OutboxPlace, uri: str, *, failed: bool = False) -> None:
    """Send everything to the server, and print a line if the run must wait, or if the server was unreachable before."""
    waiting, live = place.waiting, place.live
    live.stop_sending()
    use(uri)
    if not waiting.local_id:  # it never started
        waiting.remove()
        return
    waiting.ended = True
    waiting.save()
    try:
        problem = deliver(waiting, uri)
    except HumotionError as refusal:
        if not failed:
            raise
        problem = str(refusal)
    if problem is not None:
        tell(
            f"Run {waiting.name} waits on disk for {shown(uri)}: {problem}. It is complete. "
            "Send it with `humotion track sync`."
        )
    elif live.was_unreachable:
        tell(f"{shown(uri)} answers again, and has the complete run {waiting.name} ({waiting.run_id}).")

"""Where a run is written: into the store in use, or through the outbox if that store is remote.

A run for a remote store is written to a folder of the outbox alone, which has a small store of its own. So it makes no
difference to a training whether the server answers. These are the states of such a folder:

=========  ==================================  ==================================================================
state      who has it                          what happens
=========  ==================================  ==================================================================
written    the process that runs it claims it  a thread (`Live`) sends what is new, so that it can be watched
ended      still that process                  `deliver` sends what is left, compares, and removes the folder
waiting    nobody; ``ended`` is true           the server did not answer: `humotion track sync` delivers it, or the
                                               next command that needs the run
abandoned  nobody; ``ended`` is false          the process died: who resumes the run claims it and writes on;
                                               delivered without that, it is marked as failed
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
from humotion.tracking.outbox.delivery import deliver
from humotion.tracking.outbox.live import Live, tell
from humotion.tracking.outbox.server import is_remote, why_unreachable
from humotion.tracking.outbox.waiting import WaitingRun, claimed, find_waiting, outbox_folder, shown, waiting_runs
from humotion.tracking.store import connect, experiment_id, find_run, tracking_uri, use

PATIENCE = 60.0  # seconds to wait for a dead process's loaders, or for another that sends the run


@dataclass(frozen=True)
class WantedRun:
    """A run to be written.

    Attributes:
        experiment: the MLflow experiment; None for a run that exists.
        name: of the run.
        run_id: a run to resume or to add to.
        training: it is a training.
        if_new: names of tags and metrics that repeat what the run ``run_id`` had.
    """

    experiment: str | None
    name: str
    run_id: str | None = None
    training: bool = False
    if_new: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass
class Place:
    """Where a run is written; MLflow points at it.

    Attributes:
        experiment_id: in that store.
        run_id: the run in that store to resume, if it is there.
        is_described: what the run starts with (parameters, tags, model) is recorded already, there or at the server.
    """

    experiment_id: str | None
    run_id: str | None = None
    is_described: bool = False

    def started(self, run_id: str) -> str:
        """Called with the id of the run in that store; returns the id by which the run is known."""
        return run_id


class OutboxPlace(Place):
    """A place on disk, from which a run is sent to a remote store."""

    def __init__(self, waiting: WaitingRun, uri: str, problem: str | None) -> None:
        self.waiting = waiting
        self.live = Live(waiting, uri, problem)
        found = waiting.local_id or None
        super().__init__(_local_experiment(waiting), found, bool(found))

    def started(self, run_id: str) -> str:
        """Send what the run starts with to the server, and from now on what is new.

        Raises:
            HumotionError: the server refuses it.
        """
        self.waiting.local_id = run_id
        self.waiting.save()
        try:
            self.live.start_sending()
        except HumotionError:
            if self.run_id is None:  # nothing was done in it yet
                self.waiting.local_id = ""
            raise
        return self.waiting.known_as


@contextmanager
def open_place(configured: str | None, wanted: WantedRun) -> Iterator[Place]:
    """Point MLflow at where a run is written, and send it to its server if it has one.

    Args:
        configured: the configured tracking URI, if any.
        wanted: the run.

    Raises:
        HumotionError: the store answers, and refuses.
    """
    uri = tracking_uri(configured)
    if is_remote(uri):
        with write_through_outbox(uri, wanted) as place:
            yield place
    else:
        yield write_locally(connect(configured), wanted)


def write_locally(client: MlflowClient, wanted: WantedRun) -> Place:
    """The place of a run in a store on this machine, which needs no sending."""
    if wanted.experiment is None:
        return Place(None, wanted.run_id, True)
    found = None if wanted.run_id is None else find_run(client, wanted.run_id, wanted.experiment)
    return Place(experiment_id(client, wanted.experiment), found, found is not None)


@contextmanager
def write_through_outbox(uri: str, wanted: WantedRun) -> Iterator[OutboxPlace]:
    """A folder of the outbox, claimed while the run is written there, and delivered at its end (see the states above).

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
    """Note which run at the server a new one on disk adds to; is that run known to be there?

    While the server cannot be asked, the run is described in full. What repeats a run that turns out to be there is
    then left out when it is sent (``if_new``).
    """
    if wanted.run_id is None:
        return False
    if is_reachable:
        waiting.adds_to = find_run(MlflowClient(uri), wanted.run_id, wanted.experiment)
        return waiting.adds_to is not None
    waiting.adds_to, waiting.if_new = wanted.run_id, dict(wanted.if_new)
    return False


def start_in_outbox(wanted: WantedRun, tags: Mapping[str, str], params: Mapping[str, str], same: str, uri: str) -> str:
    """The id of a run that several processes write, started in the outbox while its server cannot be reached.

    ``same`` is MLflow's filter for the run. Started once: the next process finds it there.
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
    """A client of the store that has a run at present, and its id there; None if no store in reach has it."""
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
        HumotionError: it must wait on, as the server does not answer, or refuses.
    """
    uri = tracking_uri(configured)
    while is_remote(uri) and (waiting := find_waiting(run_id, uri)) is not None:
        with claimed(waiting, PATIENCE) as run:
            if run is not None and (problem := deliver(run, uri)) is not None:
                raise HumotionError(
                    f"Run {run_id} waits on disk for the MLflow store {shown(uri)}: {problem}. "
                    "Nothing is lost; run the same command again when the store answers."
                )


def _reopened(claims: ExitStack, run_id: str, uri: str) -> WaitingRun | None:
    """The run on disk known by this id, claimed from now on."""
    waiting = find_waiting(run_id, uri)
    return None if waiting is None else claims.enter_context(claimed(waiting, PATIENCE))


def _new(claims: ExitStack, wanted: WantedRun, uri: str) -> WaitingRun:
    """A new folder in the outbox with an empty store, claimed from the first moment."""
    stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9:09d}"
    folder = outbox_folder() / f"{stamp}-{wanted.name}"
    waiting = WaitingRun(folder, shown(uri), wanted.experiment, wanted.name, training=wanted.training)
    empty = _empty_store()
    claims.enter_context(claimed(waiting, 0))
    with atomic_folder(folder) as temporary:
        shutil.copy(empty, temporary / "mlflow.db")
    return waiting


def _empty_store() -> Path:
    """A store without runs, to be copied: MLflow takes seconds to make its tables."""
    empty = outbox_folder() / f"empty-{mlflow_version}.db"
    empty.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{empty}.lock"):
        if not empty.exists():
            with atomic_path(empty) as temporary:
                MlflowClient(f"sqlite:///{temporary}").search_experiments(max_results=1)
    return empty


def _local_experiment(waiting: WaitingRun) -> str:
    """The experiment in the run's own store."""
    return experiment_id(MlflowClient(waiting.store), waiting.experiment or "run")


def _close(place: OutboxPlace, uri: str, *, failed: bool = False) -> None:
    """Send everything to the server, and tell the user if it must wait or waited before."""
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
            f"Run {waiting.name} waits on disk, whole, for {shown(uri)}: {problem}. Send it with `humotion track sync`."
        )
    elif live.was_unreachable:
        tell(f"{shown(uri)} answers again, and has all of run {waiting.name} ({waiting.run_id}).")

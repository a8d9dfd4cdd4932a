"""Where a run is written: into the store in use, or through the outbox if that store is remote.

A run for a remote store is written to disk alone. A thread brings what is new to the server every few
seconds, so that the run can be watched there; when the run ends, everything is brought and compared.
Whether the server answers makes no difference to the training at any moment.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from mlflow import __version__ as mlflow_version
from mlflow.entities import Param
from mlflow.tracking import MlflowClient

from humotion.errors import HumotionError
from humotion.files import atomic_folder, atomic_path
from humotion.tracking.outbox import waiting as outbox
from humotion.tracking.outbox.delivery import deliver
from humotion.tracking.outbox.live import Live, say
from humotion.tracking.outbox.server import away, is_remote
from humotion.tracking.outbox.waiting import WaitingRun, shown
from humotion.tracking.store import connect, experiment_id, find_run, tracking_uri, use

PATIENCE = 60.0  # seconds to wait for a dead process's loaders, or for another that sends the run


@dataclass
class Place:
    """Where a run is written; MLflow points at it.

    Attributes:
        experiment_id: in that store.
        run_id: the run in that store to go on with, if it is there.
        known: what the run began with (parameters, tags, model) is recorded already, there or at the server.
    """

    experiment_id: str | None
    run_id: str | None = None
    known: bool = False

    def begun(self, run_id: str) -> str:
        """Called with the id of the run in that store; returns the id by which the run is known."""
        return run_id


class OutboxPlace(Place):
    """A place on disk, from which a run is brought to a remote store."""

    def __init__(self, waiting: WaitingRun, uri: str, problem: str | None) -> None:
        self.waiting = waiting
        self.live = Live(waiting, uri, problem)
        found = waiting.local_id or None
        super().__init__(_local_experiment(waiting), found, bool(found))

    def begun(self, run_id: str) -> str:
        """Bring the run's beginning to the server, and go on doing so from now on.

        Raises:
            HumotionError: the server refuses it.
        """
        self.waiting.local_id = run_id
        self.waiting.save()
        try:
            self.live.begin()
        except HumotionError:
            if self.run_id is None:  # nothing was done in it yet
                self.waiting.local_id = ""
            raise
        return self.waiting.known_as


@contextmanager
def writing(
    configured: str | None,
    experiment: str | None,
    name: str,
    run_id: str | None = None,
    *,
    training: bool = False,
    if_new: dict[str, list[str]] | None = None,
) -> Iterator[Place]:
    """Point MLflow at where a run is written, and bring it to its server if it has one.

    Args:
        configured: the configured tracking URI, if any.
        experiment: the MLflow experiment; None for a run that exists.
        name: of the run.
        run_id: a run to go on with or to add to.
        training: it is a training.
        if_new: names of tags and metrics that repeat what the run ``run_id`` had.

    Raises:
        HumotionError: the store answers, and refuses.
    """
    uri = tracking_uri(configured)
    if not is_remote(uri):
        client = connect(configured)
        if experiment is None:
            yield Place(None, run_id, True)
            return
        found = None if run_id is None else find_run(client, run_id, experiment)
        yield Place(experiment_id(client, experiment), found, found is not None)
        return
    problem = away(uri)
    with ExitStack() as held:
        waiting = None if run_id is None else _reopened(held, run_id, uri)
        known = False
        if waiting is None:
            waiting = _new(held, experiment, name, uri)
            waiting.training = training
            if run_id is not None and problem is None:
                waiting.adds_to = find_run(MlflowClient(uri), run_id, experiment)
                known = waiting.adds_to is not None
            elif run_id is not None:
                waiting.adds_to, waiting.if_new = run_id, if_new or {}
        waiting.ended = False
        waiting.save()
        use(waiting.store)
        place = OutboxPlace(waiting, uri, problem)
        place.known = place.known or known
        try:
            yield place
        except BaseException:
            _close(place, uri, failed=True)
            raise
        _close(place, uri)


def put_down(
    experiment: str, name: str, tags: Mapping[str, str], params: Mapping[str, str], same_as: str, uri: str
) -> str:
    """Begin a run in the outbox that other processes go on with, once for all; its server is away."""
    for waiting in outbox.waiting_runs():
        if waiting.same_as == same_as and waiting.server == shown(uri):
            return waiting.local_id
    with ExitStack() as held:
        waiting = _new(held, experiment, name, uri)
        client = MlflowClient(waiting.store)
        run_id = str(client.create_run(_local_experiment(waiting), tags=dict(tags), run_name=name).info.run_id)
        client.log_batch(run_id, params=[Param(*item) for item in params.items()])
        waiting.local_id, waiting.same_as, waiting.ended = run_id, same_as, True
        waiting.save()
    return run_id


def where(run_id: str, configured: str | None = None) -> tuple[MlflowClient, str] | None:
    """A client of the store that has a run at present, and its id there; None if no store in reach has it."""
    uri = tracking_uri(configured)
    if is_remote(uri):
        waiting = outbox.find(run_id, uri)
        if waiting is not None and waiting.local_id and waiting.adds_to is None:
            return MlflowClient(waiting.store), waiting.local_id
        if away(uri) is not None:
            return None
    client = MlflowClient(uri)
    found = find_run(client, run_id, None)
    return None if found is None else (client, found)


def send_waiting(run_id: str, configured: str | None = None) -> None:
    """Bring the run to its server if it still waits.

    Raises:
        HumotionError: it must wait on, as the server does not answer, or refuses.
    """
    uri = tracking_uri(configured)
    while is_remote(uri) and (waiting := outbox.find(run_id, uri)) is not None:
        with outbox.claimed(waiting, PATIENCE) as held:
            if held is not None and (problem := deliver(held, uri)) is not None:
                raise HumotionError(
                    f"Run {run_id} waits on disk for the MLflow store {shown(uri)}: {problem}. "
                    "Nothing is lost; call the same command again when that answers."
                )


def _reopened(held: ExitStack, run_id: str, uri: str) -> WaitingRun | None:
    """The run on disk known by this id, held from now on."""
    waiting = outbox.find(run_id, uri)
    return None if waiting is None else held.enter_context(outbox.claimed(waiting, PATIENCE))


def _new(held: ExitStack, experiment: str | None, name: str, uri: str) -> WaitingRun:
    """A new folder in the outbox with an empty store, held from its beginning."""
    stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9:09d}"
    folder = outbox.outbox() / f"{stamp}-{name}"
    waiting = WaitingRun(folder, shown(uri), experiment, name)
    empty = _empty_store()
    held.enter_context(outbox.claimed(waiting, 0))
    with atomic_folder(folder) as temporary:
        shutil.copy(empty, temporary / "mlflow.db")
    return waiting


def _empty_store() -> Path:
    """A store without runs, to be copied: MLflow takes seconds to make its tables."""
    empty = outbox.outbox() / f"empty-{mlflow_version}.db"
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
    """Bring everything to the server, and say what became of it if that is not what one expects."""
    waiting, live = place.waiting, place.live
    live.end()
    use(uri)
    if not waiting.local_id:  # it never began
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
        say(
            f"Run {waiting.name} waits on disk, whole, for {shown(uri)}: {problem}. Send it with `humotion track sync`."
        )
    elif live.was_away:
        say(f"{shown(uri)} answers again, and has all of run {waiting.name} ({waiting.run_id}).")

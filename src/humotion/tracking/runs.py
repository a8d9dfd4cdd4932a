"""MLflow runs: start them, resume them after a crash, open them again for evaluation, record their sources.

One run is one training. Its MLflow experiment is the task and dataset (``action/hmdb51``), so that a model and its
baselines are on one page. The name of the run starts with the humotion experiment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mlflow.tracking import MlflowClient

from humotion.errors import DivergedError, HumotionError
from humotion.system.signals import held_back
from humotion.tracking import dead_runs
from humotion.tracking.dead_runs import ERROR, process_tag
from humotion.tracking.hints import how_to_join
from humotion.tracking.inputs import log_clips
from humotion.tracking.models import log_model_folder
from humotion.tracking.notes import with_figures
from humotion.tracking.outbox.place import Place, WantedRun, open_place, send_waiting
from humotion.tracking.outbox.server import first_line, is_remote, why_unreachable
from humotion.tracking.sources import (
    NOTE,
    ORIGIN,
    RunSource,
    flatten,
    log_sources,
    run_name,
    shortened,
    source_tags,
)
from humotion.tracking.store import (
    LOCAL_ID,
    NO_SUCH_RUN,
    RESTORED_FROM,
    ask,
    connect,
    every,
    mlflow,
    open_existing,
    shown_uri,
    tracking_uri,
)

WHY_FAILED = "humotion.failed"
"""Tag of a FAILED run whose reason is known: ``diverged``."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Restoration:
    """What is logged to a store that does not have the training: metrics, model folder, an example video."""

    metrics: Mapping[str, float]
    model: Path
    example: Path


@contextmanager
def training_run(
    source: RunSource,
    resume: str | None = None,
    uri: str | None = None,
    *,
    parent: str | None = None,
    stopped_by: tuple[type[BaseException], ...] = (),
) -> Iterator[str]:
    """Open a run for training and yield its id; an exception ends it as FAILED, Ctrl-C as KILLED.

    Args:
        source: what is trained, and on which data.
        resume: id of the run of an interrupted attempt, which is resumed if the store still has it.
        uri: the configured tracking URI, if any.
        parent: the run that this one is part of.
        stopped_by: exceptions that are no failure and also end it as KILLED.
    """
    tags = source_tags(source)
    wanted = WantedRun(source.experiment, source.name, resume, training=True, if_new={"tags": list(tags)})
    name = run_name(source) if parent is None else source.name
    with open_place(uri, wanted) as place, _open(place, name, parent, stopped_by) as run_id:
        with held_back():
            if not place.is_described:
                _describe(source, tags)
                if parent is None:
                    log_sources()
        yield place.started(run_id)


@contextmanager
def _open(place: Place, name: str, parent: str | None, stopped_by: tuple[type[BaseException], ...]) -> Iterator[str]:
    """Start or resume the run in its place, and end it with the right status."""
    tags = process_tag() | ({} if parent is None else {"mlflow.parentRunId": parent})
    with ended(stopped_by):
        with held_back():
            if place.run_id is None:
                new: dict[str, Any] = {"experiment_id": place.experiment_id, "run_name": name, "tags": tags}
                run = mlflow.start_run(**new, log_system_metrics=True)
            else:
                run = mlflow.start_run(run_id=place.run_id, log_system_metrics=True)
                mlflow.set_tags(process_tag())
                for tag in {ERROR, WHY_FAILED} & run.data.tags.keys():
                    mlflow.delete_tag(tag)
        yield run.info.run_id


@contextmanager
def ended(stopped_by: tuple[type[BaseException], ...] = ()) -> Iterator[None]:
    """End the open run with the right status: KILLED if a signal stopped it, FAILED after another exception."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, *stopped_by)):
            _end_anyway("KILLED")
        else:
            why = {WHY_FAILED: "diverged"} if isinstance(error, DivergedError) else {}
            _end_anyway("FAILED", {ERROR: shortened(f"{type(error).__name__}: {error}"), **why})
        raise
    with held_back():
        mlflow.end_run("FINISHED")


def _end_anyway(status: str, tags: Mapping[str, str] | None = None) -> None:
    """End the open run after an error, which may be that of the store, for example a full disk."""
    problems: list[str] = []
    steps: list[Callable[[], Any]] = [partial(mlflow.set_tags, dict(tags))] if tags else []
    steps.append(partial(mlflow.end_run, status))
    for step in steps:
        try:
            with held_back():
                step()
        except Exception as problem:
            problems.append(first_line(problem))
    if problems:
        _logger.warning("The store did not take the end of the run (%s). The next start closes it.", problems[0])


def close_dead_runs(uri: str | None = None, abandoned: Collection[str] = (), but: str | None = None) -> None:
    """End the runs in the store whose process is gone as KILLED, and print a line for each.

    A store that does not answer is left alone. See `humotion.tracking.dead_runs`.
    """
    if (client := _client_if_reachable(uri)) is not None:
        for line in dead_runs.close_dead_runs(client, abandoned, but):
            print(f"humotion: {line}", flush=True)


def names_of_dead_runs(uri: str | None = None, abandoned: Collection[str] = ()) -> list[str]:
    """The names of the open runs whose process is gone; creates no store and changes nothing."""
    client = open_existing(uri) if ask(uri)[1] is None else None
    found = [] if client is None else dead_runs.find_dead_runs(client, abandoned)
    return [str(run.info.run_name) for run, _ in found]


def interrupted_run(attempt: str, uri: str | None = None) -> str | None:
    """The id of the unfinished run of an attempt, found by its digest; None if the store has none, or is away."""
    client = _client_if_reachable(uri)
    return None if client is None else dead_runs.find_interrupted(client, attempt)


def _client_if_reachable(uri: str | None) -> MlflowClient | None:
    in_use = tracking_uri(uri)
    return None if is_remote(in_use) and why_unreachable(in_use) is not None else connect(uri)


@contextmanager
def finished_run(run_id: str, source: RunSource, restore: Restoration, uri: str | None = None) -> Iterator[str]:
    """Open the run of a training to add to it, and yield its id.

    If the store does not have the run (for example, in a fresh clone that pulled the trained model), a new run with the
    same settings and the content of ``restore`` is made, with the tag ``restored_from``.
    """
    tags = source_tags(source)
    if_new = {"tags": [*tags, RESTORED_FROM], "metrics": list(restore.metrics)}
    with open_place(uri, WantedRun(source.experiment, source.name, run_id, if_new=if_new)) as place, ended():
        with held_back():
            run = _reopen(place, source)
            mlflow.set_tags(process_tag())
        if not place.is_described:
            _restore(source, tags, restore)
            # The last step: a run whose restoration failed does not get the tag, so it is never used later.
            mlflow.set_tag(RESTORED_FROM, run_id)
        yield place.started(run)


def _reopen(place: Place, source: RunSource) -> str:
    """Open the run in its place, or a new one if the store does not have it; return its id."""
    if place.run_id is not None:
        return str(mlflow.start_run(run_id=place.run_id).info.run_id)
    name = f"{run_name(source)} (restored)"
    return str(mlflow.start_run(experiment_id=place.experiment_id, run_name=name).info.run_id)


def _describe(source: RunSource, tags: Mapping[str, str]) -> None:
    mlflow.log_params(flatten(source.params))
    mlflow.set_tags(dict(tags))
    log_clips(str(source.params.get("dataset", source.name)), source.clips)


def _restore(source: RunSource, tags: Mapping[str, str], restore: Restoration) -> None:
    _describe(source, tags)
    mlflow.log_metrics(dict(restore.metrics))
    log_model_folder(restore.model, restore.example)


@dataclass(frozen=True)
class LoggedModel:
    """A model in the store, and its run: that of the training, or the run that was restored instead."""

    model_id: str
    run_id: str


def logged_model(run_id: str, weights_md5: str, uri: str | None = None) -> LoggedModel:
    """The model that a run logged, found by the md5 of its weights.

    Raises:
        HumotionError: the store has no such model, or does not answer.
    """
    send_waiting(run_id, uri)
    client = open_existing(uri)
    experiments = [] if client is None else [found.experiment_id for found in every(client.search_experiments)]
    if client is not None and experiments:
        found_here = every(client.search_logged_models, experiments, f"tags.weights_md5 = '{weights_md5}'")
        for model in found_here:
            if model.source_run_id is not None and run_id in _known_as(client, model):
                return LoggedModel(str(model.model_id), str(model.source_run_id))
    raise NotInStore(
        f"The MLflow store {shown_uri(uri)} has no model of run {run_id} with these weights. {how_to_join()} "
        "Or point MLFLOW_TRACKING_URI at the store that has it."
    )


class NotInStore(HumotionError):
    """The store in use does not have a model, which another store may have."""


def log_metrics(metrics: Mapping[str, float], step: int | None = None) -> None:
    """Log metrics to the open run. MLflow allows no ``@`` in names: ``test/pck_0.2``."""
    with held_back():
        mlflow.log_metrics(dict(metrics), step=step)


def log_file(path: Path, under: str) -> None:
    """Log one file as an artifact of the open run, below ``under``."""
    with held_back():
        mlflow.log_artifact(str(path), under)


def log_folder(folder: Path, under: str) -> None:
    """Log every file of ``folder`` as artifacts of the open run, below ``under``."""
    with held_back():
        mlflow.log_artifacts(str(folder), under)


def set_tags(tags: Mapping[str, str]) -> None:
    """Set tags of the open run."""
    with held_back():
        mlflow.set_tags(dict(tags))


def origin() -> dict[str, str]:
    """The tags of the open run that describe the state of the checkout."""
    run = mlflow.active_run()
    assert run is not None
    tags = MlflowClient().get_run(run.info.run_id).data.tags  # the object of the open run has no later tags
    return {key: tags[key] for key in ORIGIN if key in tags}


def describe(note: str, validation: Mapping[str, float | None], test: Mapping[str, Any]) -> None:
    """Describe the open run by a note, with the scores of an evaluation at its end."""
    with held_back():
        mlflow.set_tag(NOTE, shortened(with_figures(note, validation, test)))


def _known_as(client: MlflowClient, model: Any) -> tuple[str | None, ...]:
    """The ids that other processes may have for the run of a model."""
    try:
        run = client.get_run(model.source_run_id)
    except mlflow.MlflowException as error:
        if error.error_code in NO_SUCH_RUN:  # the run was deleted for good, and its model was left
            return ()
        raise
    if run.info.lifecycle_stage != "active":
        return ()
    tags = run.data.tags
    return model.source_run_id, tags.get(RESTORED_FROM), tags.get(LOCAL_ID)

"""A sweep in MLflow: a parent run, which is found by the name of its study, with one child run per trial."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from humotion.system.processes import this_process
from humotion.tracking.dead_runs import starter_tag
from humotion.tracking.outbox.place import WantedRun, open_place, start_in_outbox, store_of
from humotion.tracking.outbox.server import is_remote, why_unreachable
from humotion.tracking.runs import log_folder, log_metrics
from humotion.tracking.sources import NOTE, RunSource, flatten, log_sources, source_tags
from humotion.tracking.store import connect, experiment_id, mlflow, tracking_uri

STUDY = "optuna.study"
STARTS_IN = "humotion.curves_start_in"
"""Tag of a resumed trial whose earlier epochs could not be copied: the run that has them."""
_logger = logging.getLogger(__name__)


def sweep_run(source: RunSource, study: str, tags: Mapping[str, str], uri: str | None = None) -> str:
    """The id of the parent run of a study, which is created on first use and marked as running.

    Only one process may call this at a time: the caller must lock.
    """
    store, same = tracking_uri(uri), f"tags.`{STUDY}` = '{study}' and tags.kind = 'sweep'"
    name = f"sweep of {source.name}"
    labels = {**source_tags(source), **tags, STUDY: study, "kind": "sweep", NOTE: _note(source.name, study)}
    if is_remote(store) and why_unreachable(store) is not None:
        return start_in_outbox(WantedRun(source.experiment, name), labels, flatten(source.params), same, store)
    client = connect(uri)
    experiment = experiment_id(client, source.experiment)
    if found := client.search_runs([experiment], same, max_results=1):
        run_id = str(found[0].info.run_id)
        client.update_run(run_id, "RUNNING")
        client.set_tag(run_id, starter_tag(), this_process().as_text())
        return run_id
    labels[starter_tag()] = this_process().as_text()
    run_id = str(client.create_run(experiment, tags=labels, run_name=name).info.run_id)
    for key, value in flatten(source.params).items():
        client.log_param(run_id, key, value)
    return run_id


def _note(name: str, study: str) -> str:
    return (
        f"**Sweep of {name}**: Optuna study `{study}`. One child run per trial (tag `optuna.state`). Tables and plots "
        f"are artifacts below `sweep`. `humotion sweep apply {name}` writes the best parameters to params.yaml."
    )


@contextmanager
def finishing_sweep(run_id: str, uri: str | None = None) -> Iterator[None]:
    """Open the parent run to add the results; it ends after the block."""
    with (
        open_place(uri, WantedRun(None, "sweep", run_id)) as place,
        mlflow.start_run(run_id=place.run_id, experiment_id=place.experiment_id) as run,
    ):
        place.started(run.info.run_id)
        log_sources()
        yield
        _leave(MlflowClient(), run.info.run_id)


def log_sweep(folder: Path, metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
    """Log to the open parent run: tables and plots, best values, and how the trials ended."""
    log_folder(folder, "sweep")
    log_metrics(metrics)
    mlflow.set_tags(dict(tags))


def interrupt_sweep(run_id: str, uri: str | None = None) -> None:
    """End the parent run as KILLED: the study is unfinished, and the same command resumes it."""
    if (found := store_of(run_id, uri)) is not None:
        client, known_as = found
        client.set_terminated(known_as, "KILLED")
        _leave(client, known_as)
    else:
        _say_left_open(run_id)


def _leave(client: MlflowClient, run_id: str) -> None:
    """Remove the tag of this process from the run of a sweep."""
    if starter_tag() in client.get_run(run_id).data.tags:
        client.delete_tag(run_id, starter_tag())


def copy_curves(source: str, uri: str | None = None) -> None:
    """Copy the history of every metric from another run into the open run, which resumes it.

    If the store does not give it now, a tag of the open run and a line say so.
    """
    target = mlflow.active_run()
    assert target is not None
    if (found := store_of(source, uri)) is None:
        mlflow.set_tag(STARTS_IN, source)
        _logger.warning("The curves of run %s cannot be read now: the run that resumes it lacks its epochs.", source)
        return
    client, source = found
    names = [name for name in client.get_run(source).data.metrics if not name.startswith("system/")]
    points = [point for name in names for point in client.get_metric_history(source, name)]
    copies = [Metric(point.key, point.value, point.timestamp, point.step) for point in points]
    for start in range(0, len(copies), 1000):
        MlflowClient().log_batch(target.info.run_id, metrics=copies[start : start + 1000])


def end_abandoned(run_ids: Iterable[str], uri: str | None = None) -> None:
    """Mark runs as FAILED if their process died and they still count as running."""
    for known_as in run_ids:
        if (found := store_of(known_as, uri)) is None:
            _say_left_open(known_as)
            continue
        client, run_id = found
        if client.get_run(run_id).info.status == "RUNNING":
            client.set_tag(run_id, "optuna.state", "fail")
            client.set_tag(run_id, "error", "the process that trained it died")
            client.set_terminated(run_id, "FAILED", int(time.time() * 1000))


def _say_left_open(run_id: str) -> None:
    _logger.warning("The store does not give run %s now, so it stays open there; a later start closes it.", run_id)

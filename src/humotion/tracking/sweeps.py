"""A sweep in MLflow: a parent run, found again by its study's name, with a child run a trial."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlflow.entities import Metric

from humotion.tracking.runs import exists, log_folder, log_metrics
from humotion.tracking.sources import NOTE, RunSource, flatten, log_sources, source_tags
from humotion.tracking.store import connect, experiment_id, mlflow

STUDY = "optuna.study"


def sweep_run(source: RunSource, study: str, tags: Mapping[str, str], uri: str | None = None) -> str:
    """The id of the parent run of a study, made on first use and running from now on.

    Not safe by itself for several processes at once: the caller lets in one at a time.
    """
    client = connect(uri)
    experiment = experiment_id(client, source.experiment)
    found = client.search_runs([experiment], f"tags.`{STUDY}` = '{study}' and tags.kind = 'sweep'", max_results=1)
    if found:
        run_id = str(found[0].info.run_id)
        client.update_run(run_id, "RUNNING")
        return run_id
    labels = {**source_tags(source), **tags, STUDY: study, "kind": "sweep", NOTE: _note(source.name, study)}
    run_id = str(client.create_run(experiment, tags=labels, run_name=f"sweep of {source.name}").info.run_id)
    for name, value in flatten(source.params).items():
        client.log_param(run_id, name, value)
    return run_id


def _note(name: str, study: str) -> str:
    return (
        f"**Sweep of {name}**: Optuna study `{study}`. A child run a trial (tag `optuna.state`); tables and plots are "
        f"artifacts below `sweep`. `humotion sweep apply {name}` writes the best parameters into params.yaml."
    )


@contextmanager
def finishing_sweep(run_id: str, uri: str | None = None) -> Iterator[None]:
    """Open the parent run to add what came out; afterwards it has ended."""
    connect(uri)
    with mlflow.start_run(run_id=run_id):
        log_sources()
        yield


def log_sweep(folder: Path, metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
    """Log a sweep's tables and plots, its best values and how its trials ended to the open parent run."""
    log_folder(folder, "sweep")
    log_metrics(metrics)
    mlflow.set_tags(dict(tags))


def interrupt_sweep(run_id: str, uri: str | None = None) -> None:
    """End the parent run as KILLED: the study is unfinished, and the same command goes on with it."""
    connect(uri).set_terminated(run_id, "KILLED")


def copy_curves(source: str, uri: str | None = None) -> None:
    """Copy every metric's history from another run into the open one, which goes on where that one died."""
    client = connect(uri)
    target = mlflow.active_run()
    assert target is not None
    if not exists(client, source):
        return
    names = [name for name in client.get_run(source).data.metrics if not name.startswith("system/")]
    points = [point for name in names for point in client.get_metric_history(source, name)]
    copies = [Metric(point.key, point.value, point.timestamp, point.step) for point in points]
    for start in range(0, len(copies), 1000):
        client.log_batch(target.info.run_id, metrics=copies[start : start + 1000])


def end_abandoned(run_ids: Iterable[str], uri: str | None = None) -> None:
    """Mark runs whose process died, and which still count as running, as FAILED."""
    client = connect(uri)
    for run_id in run_ids:
        if exists(client, run_id) and client.get_run(run_id).info.status == "RUNNING":
            client.set_tag(run_id, "optuna.state", "fail")
            client.set_tag(run_id, "error", "the process that trained it died")
            client.set_terminated(run_id, "FAILED", int(time.time() * 1000))

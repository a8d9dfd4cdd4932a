"""Runs whose process is gone (``kill -9``, a power cut): MLflow would show them as running for ever.

A run has a tag with the process that writes it: its host, its number and its start time. A process of this machine is
looked up. Of another machine, or another container, nothing is known from here: its runs are left alone, unless they
belong to unfinished work of this checkout that nobody works on.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from humotion.system.processes import Process, this_process

PROCESS = "humotion.process"
PARENT = "mlflow.parentRunId"
ERROR = "error"


def process_tag() -> dict[str, str]:
    """The tag of a run that this process writes."""
    return {PROCESS: this_process().as_text()}


def close_dead_runs(client: MlflowClient, abandoned: Collection[str] = (), but: str | None = None) -> Iterator[str]:
    """End each run as KILLED whose process is gone, and yield one line per run that says so.

    Trials are left to their sweep, which tries them again.

    Args:
        client: of the store.
        abandoned: ids of runs whose work nobody continues now.
        but: a run that this process is about to resume.
    """
    places = [str(experiment.experiment_id) for experiment in client.search_experiments()]
    running = client.search_runs(places, "attributes.status = 'RUNNING'") if places else []
    for run in running:
        process = _writer(run)
        if process is None or run.info.run_id == but or PARENT in run.data.tags:
            continue
        if process.is_gone or (run.info.run_id in abandoned and not process.is_here):
            _close(client, run, process)
            yield f"Run {run.info.run_name} ({run.info.run_id}) was still open, but its {process} is gone: now KILLED."


def _writer(run: Run) -> Process | None:
    return Process.from_text(run.data.tags.get(PROCESS, ""))


def _close(client: MlflowClient, run: Run, process: Process) -> None:
    client.set_tag(run.info.run_id, ERROR, f"its {process} is gone, and could not close the run itself")
    client.set_terminated(run.info.run_id, "KILLED", int(time.time() * 1000))

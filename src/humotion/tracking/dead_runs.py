"""Runs whose process is gone (``kill -9``, a power cut): MLflow would show them as running for ever.

A run has a tag with the process that writes it: its host, its number and its start time. A process of this machine is
looked up. Of another machine, or another container, nothing is known from here: its runs are left alone, unless they
belong to unfinished work of this checkout that nobody works on.

The run of a sweep has a tag for each process that started or joined it, which the process removes when it ends. A trial
whose process is gone is left to its sweep, which tries it again, as long as that is alive.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from humotion.system.processes import Process, this_process
from humotion.tracking.store import every

PROCESS = "humotion.process"
PARENT = "mlflow.parentRunId"
ERROR = "error"
ATTEMPT = "humotion.attempt"
"""Tag: digest of settings, inputs and code of a training; an interrupted one is found by it."""


def process_tag() -> dict[str, str]:
    """The tag of a run that this process writes."""
    return {PROCESS: this_process().as_text()}


def starter_tag() -> str:
    """The name of the tag of this process in the run of a sweep."""
    me = this_process()
    return f"{PROCESS}.{me.place}-{me.number}"


def close_dead_runs(client: MlflowClient, abandoned: Collection[str] = (), but: str | None = None) -> Iterator[str]:
    """End each run as KILLED whose process is gone, and yield one line per run that says so.

    Args:
        client: of the store.
        abandoned: ids of runs whose work nobody continues now.
        but: a run that this process is about to resume.
    """
    for run, process in find_dead_runs(client, abandoned):
        if run.info.run_id != but:
            client.set_tag(run.info.run_id, ERROR, f"its {process} is gone, and could not close the run itself")
            client.set_terminated(run.info.run_id, "KILLED", int(time.time() * 1000))
            yield f"Run {run.info.run_name} ({run.info.run_id}) was still open, but its {process} is gone: now KILLED."


def find_dead_runs(client: MlflowClient, abandoned: Collection[str] = ()) -> Iterator[tuple[Run, Process]]:
    """Yield the open runs whose process is gone, with that process; changes nothing."""
    for run in _search(client, "attributes.status = 'RUNNING'"):
        processes = _writers(run)
        is_abandoned = run.info.run_id in abandoned and not any(process.is_here for process in processes)
        if processes and (all(process.is_gone for process in processes) or is_abandoned):
            parent = run.data.tags.get(PARENT)
            if parent is None or all(process.is_gone for process in _writers(client.get_run(parent))):
                yield run, processes[0]


def find_interrupted(client: MlflowClient, attempt: str) -> str | None:
    """Return the id of the newest unfinished run of an attempt."""
    runs = _search(client, f"tags.`{ATTEMPT}` = '{attempt}' and attributes.status != 'FINISHED'")
    newest = max(runs, key=lambda run: run.info.start_time, default=None)
    return None if newest is None else str(newest.info.run_id)


def _writers(run: Run) -> list[Process]:
    texts = (text for tag, text in run.data.tags.items() if tag == PROCESS or tag.startswith(f"{PROCESS}."))
    return [process for text in texts if (process := Process.from_text(text)) is not None]


def _search(client: MlflowClient, wanted: str) -> list[Run]:
    places = [str(experiment.experiment_id) for experiment in every(client.search_experiments)]
    return list(every(client.search_runs, places, wanted)) if places else []

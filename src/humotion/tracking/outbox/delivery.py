"""Send one waiting run to its server, in one or many attempts, completely and without duplicates.

Every step first asks what the server has. Points of metrics that it has are not sent again (MLflow also stores equal
points only once). A model is identified by the md5 of its weights. Files are overwritten. At the end everything is
compared, and only then the copy on disk is removed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mlflow.entities import Metric, Param, Run, RunData, RunTag
from mlflow.tracking import MlflowClient

from humotion.errors import HumotionError
from humotion.tracking.address import shown
from humotion.tracking.inputs import copy_inputs, inputs_of, lost_inputs
from humotion.tracking.outbox.model_delivery import (
    ModelDelivery,
    Undelivered,
    arrived_files,
    file_sizes,
    on_disk,
    outputs,
    portions,
)
from humotion.tracking.outbox.server import first_line, refuses, why_unreachable
from humotion.tracking.outbox.waiting import WaitingRun, claimed, find_waiting
from humotion.tracking.sources import shortened
from humotion.tracking.store import LOCAL_ID, exists, experiment_id, find_run

PARENT = "mlflow.parentRunId"
DIED = "the process that trained it died"
OTHER_PARAMS = "humotion.other_params"
"""Tag: parameters of which the server had another value before; MLflow does not let anyone change it."""
Point = tuple[str, int, int, str]  # metric, step, timestamp, value (as text: NaN equals itself)
_logger = logging.getLogger(__name__)


def deliver(waiting: WaitingRun, uri: str) -> str | None:
    """Send a run to its server and remove it from disk, or return why it must wait.

    The caller has claimed the run.

    Raises:
        HumotionError: the server answers, but refuses.
    """
    if (problem := why_unreachable(uri)) is not None:
        return problem
    try:
        Delivery(waiting, uri).everything()
    except Exception as error:  # artifact stores raise their own errors
        if refuses(error):
            raise HumotionError(
                f"The MLflow store {shown(uri)} refuses run {waiting.name}: {first_line(error)}. "
                f"It is kept in {waiting.folder}; `humotion track sync` tries again."
            ) from error
        return f"{type(error).__name__}: {first_line(error)}"
    waiting.remove()
    return None


class Delivery:
    """Sends a run; one object may send it many times while it grows."""

    def __init__(self, waiting: WaitingRun, uri: str) -> None:
        self.waiting = waiting
        self.uri = uri
        self.local = MlflowClient(waiting.store)
        self.server = MlflowClient(uri)
        self._target: str | None = None
        self._sent: set[Point] = set()
        self._texts: tuple[dict[str, str], dict[str, str]] | None = None
        self._inputs_sent = False

    def records(self) -> None:
        """Send new parameters, tags and points of metrics; create the run at the server if necessary."""
        run = self.local.get_run(self.waiting.local_id)
        target = self._run_at_server(run)
        self._send_texts(run, target)
        if not self._inputs_sent:
            copy_inputs(run, self.server, target)
            self._inputs_sent = bool(inputs_of(run))
        self._send_points(run, target)

    def everything(self) -> None:
        """Send everything that the server lacks, end the run there with the same status, and compare.

        Raises:
            Undelivered: the server still lacks something.
        """
        if not self.waiting.ended:
            self._mark_as_dead()
        self._forget()
        run = self.local.get_run(self.waiting.local_id)
        target = self._run_at_server(run)
        self._sent = set(self._points(self.server, target, run.data.metrics))
        self.records()
        files = on_disk(self.waiting, str(run.info.artifact_uri))
        if file_sizes(files):
            self.server.log_artifacts(target, str(files))
        models = ModelDelivery(self.waiting, self.local, self.server)
        sent = [(output, models.send(output, target)) for output in outputs(run)]
        self._end(run, target)
        self._compare(run, target, files)
        for output, model_id in sent:
            models.compare(output, model_id)

    def _forget(self) -> None:
        self._target, self._texts, self._sent, self._inputs_sent = None, None, set(), False

    def _mark_as_dead(self) -> None:
        """Record that the process died, because it could not do this itself."""
        self.local.set_tag(self.waiting.local_id, "error", DIED)
        self.local.set_terminated(self.waiting.local_id, "KILLED")
        self.waiting.ended = True
        self.waiting.save()

    def _run_at_server(self, run: Run) -> str:
        """The id of the run at the server, which is created on first use and never twice."""
        if self._target is not None and exists(self.server, self._target):
            return self._target
        self._forget()
        waiting = self.waiting
        if waiting.run_id is None or not exists(self.server, waiting.run_id):
            waiting.run_id = self._find_or_create(run)
            waiting.save()
        self._target = waiting.run_id
        if waiting.training and not waiting.ended:
            self.server.update_run(self._target, "RUNNING")
        return self._target

    def _find_or_create(self, run: Run) -> str:
        waiting = self.waiting
        if (found := find_run(self.server, waiting.local_id, waiting.experiment)) is not None:
            waiting.created = True
            return found
        if (found := self._started_elsewhere()) is not None:
            waiting.created = False
            return found
        if waiting.experiment is None:
            raise Undelivered(f"the server no longer has run {waiting.adds_to}")
        made = self.server.create_run(
            experiment_id(self.server, waiting.experiment),
            start_time=run.info.start_time,
            tags={LOCAL_ID: waiting.local_id},  # in one step with the run, so that the next attempt finds it
            run_name=run.info.run_name,
        )
        waiting.created = True
        return str(made.info.run_id)

    def _started_elsewhere(self) -> str | None:
        """The run at the server that this one resumes or adds to."""
        waiting = self.waiting
        if waiting.adds_to is not None:
            return find_run(self.server, waiting.adds_to, waiting.experiment)
        if waiting.same_as is not None and waiting.experiment is not None:
            place = experiment_id(self.server, waiting.experiment)
            if found := self.server.search_runs([place], waiting.same_as, max_results=1):
                return str(found[0].info.run_id)
        return None

    def _send_texts(self, run: Run, target: str) -> None:
        """Send the parameters and tags that the server lacks."""
        texts = (dict(run.data.params), dict(run.data.tags))
        if texts == self._texts:
            return
        there = self.server.get_run(target).data
        params = {key: value for key, value in run.data.params.items() if key not in there.params}
        for some in portions(list(params.items()), 100):
            self.server.log_batch(target, params=[Param(*item) for item in some])
        tags = self._tags(run, there)
        if OTHER_PARAMS in tags and tags[OTHER_PARAMS] != there.tags.get(OTHER_PARAMS):
            _logger.warning("Run %s at %s: %s", target, shown(self.uri), tags[OTHER_PARAMS])
        changed = {key: value for key, value in tags.items() if there.tags.get(key) != value}
        for some in portions(list(changed.items()), 100):
            self.server.log_batch(target, tags=[RunTag(*item) for item in some])
        if self.waiting.training and "error" in there.tags and "error" not in tags:
            self.server.delete_tag(target, "error")
        self._texts = texts

    def _tags(self, run: Run, there: RunData) -> dict[str, str]:
        """The tags to send; an older run at the server keeps its MLflow tags (user, command, name)."""
        old = not self.waiting.created
        tags = {
            key: value
            for key, value in run.data.tags.items()
            if not self.waiting.repeats("tags", key) and not (old and key.startswith("mlflow.") and key in there.tags)
        }
        if other := _other_params(run.data.params, there.params):
            tags[OTHER_PARAMS] = shortened(other)
        if PARENT in tags:
            tags[PARENT] = self._parent(tags[PARENT])
        return tags

    def _parent(self, parent: str) -> str:
        """The id of the parent run at the server; the parent is sent first if it still waits."""
        if (found := find_run(self.server, parent, self.waiting.experiment)) is not None:
            return found
        waiting = find_waiting(parent, self.uri)
        if waiting is None:
            return parent
        with claimed(waiting, 10) as run:
            if run is not None and (problem := deliver(run, self.uri)) is not None:
                raise Undelivered(problem)
        return find_run(self.server, parent, self.waiting.experiment) or parent

    def _send_points(self, run: Run, target: str) -> None:
        for some in portions(self._new_points(run), 1000):
            self.server.log_batch(target, metrics=list(some))
            self._sent.update(map(_point, some))

    def _new_points(self, run: Run) -> list[Metric]:
        keys = [key for key in run.data.metrics if not self.waiting.repeats("metrics", key)]
        metrics = (metric for key in keys for metric in self.local.get_metric_history(self.waiting.local_id, key))
        return [
            Metric(metric.key, metric.value, metric.timestamp, metric.step)
            for metric in metrics
            if _point(metric) not in self._sent
        ]

    def _points(self, client: MlflowClient, run_id: str, keys: Iterable[str]) -> Iterator[Point]:
        there = client.get_run(run_id).data.metrics
        for key in keys:
            if key in there:
                yield from map(_point, client.get_metric_history(run_id, key))

    def _end(self, run: Run, target: str) -> None:
        if run.info.status == "RUNNING":  # the run of a sweep whose trials continue
            self.server.update_run(target, "RUNNING")
        else:
            self.server.set_terminated(target, run.info.status, run.info.end_time)

    def _compare(self, run: Run, target: str, files: Path) -> None:
        at_server = self.server.get_run(target)
        there = at_server.data
        tags = self._tags(run, there)
        lost = lost_inputs(run, at_server)
        lost += [f"parameter {key}" for key in run.data.params if key not in there.params]
        lost += [f"tag {key}" for key, value in tags.items() if there.tags.get(key) != value]
        self._sent = set(self._points(self.server, target, run.data.metrics))
        lost += [f"metric {metric.key} of step {metric.step}" for metric in self._new_points(run)]
        arrived = dict(arrived_files(self.server.list_artifacts, target))
        lost += [
            f"file {name}" for name, size in file_sizes(files).items() if arrived.get(name, -1) not in (size, None)
        ]
        if lost:
            raise Undelivered(f"the server lacks {', '.join(lost[:5])}")


def _point(metric: Metric) -> Point:
    return metric.key, metric.step, metric.timestamp, repr(float(metric.value))


def _other_params(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """The parameters that both have with different values, as text; empty if there are none."""
    other = [key for key, value in here.items() if there.get(key, value) != value]
    return "; ".join(f"{key} is {here[key]}, but {there[key]} at the server, where it stays" for key in other)

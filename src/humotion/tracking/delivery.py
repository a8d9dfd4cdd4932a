"""Bringing one waiting run to its server: once or in many attempts, nothing twice and nothing left out.

Every step first asks what the server has. Points of metrics that it has already are not sent again
(MLflow keeps equal points once anyway), a model is known by the md5 of its weights, and files are
written over. At the end all of it is compared before anybody removes the copy on disk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Metric, Param, Run, RunTag
from mlflow.models import Model
from mlflow.tracking import MlflowClient

from humotion.errors import HumotionError
from humotion.tracking import outbox
from humotion.tracking.outbox import WaitingRun, shown
from humotion.tracking.server import away, first_line, refuses
from humotion.tracking.store import LOCAL_ID, exists, experiment_id, find_run

PARENT = "mlflow.parentRunId"
DIED = "the process that trained it died"
T = TypeVar("T")
Point = tuple[str, int, int, str]  # metric, step, timestamp, value (as text: NaN equals itself)


class Undelivered(Exception):
    """After all was sent, something is not there."""


def deliver(waiting: WaitingRun, uri: str) -> str | None:
    """Bring a run to its server and remove it from disk; or say why it must wait.

    The caller holds the run.

    Raises:
        HumotionError: the server answers, and refuses.
    """
    if (problem := away(uri)) is not None:
        return problem
    try:
        Delivery(waiting, uri).everything()
    except Exception as error:  # artifact stores raise errors of their own
        if refuses(error):
            raise HumotionError(
                f"The MLflow store {shown(uri)} refuses run {waiting.name}: {first_line(error)}. "
                f"It is kept in {waiting.folder}; `humotion track sync` tries again."
            ) from error
        return f"{type(error).__name__}: {first_line(error)}"
    waiting.remove()
    return None


class Delivery:
    """Sends a run; one object may send it again and again while it grows."""

    def __init__(self, waiting: WaitingRun, uri: str) -> None:
        self.waiting = waiting
        self.uri = uri
        self.local = MlflowClient(waiting.store)
        self.server = MlflowClient(uri)
        self._target: str | None = None
        self._sent: set[Point] = set()
        self._texts: tuple[dict[str, str], dict[str, str]] | None = None

    def records(self) -> None:
        """Send new parameters, tags and points of metrics, after making the run at the server if need be."""
        run = self.local.get_run(self.waiting.local_id)
        target = self._run_at_server(run)
        self._send_texts(run, target)
        self._send_points(run, target)

    def everything(self) -> None:
        """Send all that the server has not, end the run there as here, and compare.

        Raises:
            Undelivered: something is missing nevertheless.
        """
        if not self.waiting.ended:
            self._bury()
        self._forget()
        run = self.local.get_run(self.waiting.local_id)
        target = self._run_at_server(run)
        self._sent = set(self._points(self.server, target, run.data.metrics))
        self.records()
        files = self._on_disk(str(run.info.artifact_uri))
        if _sizes(files):
            self.server.log_artifacts(target, str(files))
        models = [(output, self._send_model(output, target)) for output in _outputs(run)]
        self._end(run, target)
        self._compare(run, target, files)
        for output, model_id in models:
            self._compare_model(output, model_id)

    def _on_disk(self, location: str) -> Path:
        """Where files lie that MLflow keeps by absolute path: the checkout may have been moved since."""
        _, below = unquote(urlsplit(location).path).rsplit("/mlruns/", 1)
        return self.waiting.folder / "mlruns" / below

    def _forget(self) -> None:
        self._target, self._texts, self._sent = None, None, set()

    def _bury(self) -> None:
        """The process died without a word: say so in its place."""
        self.local.set_tag(self.waiting.local_id, "error", DIED)
        self.local.set_terminated(self.waiting.local_id, "FAILED")
        self.waiting.ended = True
        self.waiting.save()

    def _run_at_server(self, run: Run) -> str:
        """The id of the run at the server, which is made on first use and never twice."""
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
        if (found := self._begun_elsewhere()) is not None:
            waiting.created = False
            return found
        if waiting.experiment is None:
            raise Undelivered(f"the server has no run {waiting.adds_to} any more")
        made = self.server.create_run(
            experiment_id(self.server, waiting.experiment),
            start_time=run.info.start_time,
            tags={LOCAL_ID: waiting.local_id},  # in one step with the run: an attempt cut off here finds it again
            run_name=run.info.run_name,
        )
        waiting.created = True
        return str(made.info.run_id)

    def _begun_elsewhere(self) -> str | None:
        """The run at the server that this one goes on with or adds to."""
        waiting = self.waiting
        if waiting.adds_to is not None:
            return find_run(self.server, waiting.adds_to, waiting.experiment)
        if waiting.same_as is not None and waiting.experiment is not None:
            place = experiment_id(self.server, waiting.experiment)
            if found := self.server.search_runs([place], waiting.same_as, max_results=1):
                return str(found[0].info.run_id)
        return None

    def _send_texts(self, run: Run, target: str) -> None:
        """Send parameters and tags that are not there."""
        texts = (dict(run.data.params), dict(run.data.tags))
        if texts == self._texts:
            return
        there = self.server.get_run(target).data
        params = {key: value for key, value in run.data.params.items() if key not in there.params}
        for some in _portions(list(params.items()), 100):
            self.server.log_batch(target, params=[Param(*item) for item in some])
        tags = self._tags(run, there.tags)
        changed = {key: value for key, value in tags.items() if there.tags.get(key) != value}
        for some in _portions(list(changed.items()), 100):
            self.server.log_batch(target, tags=[RunTag(*item) for item in some])
        if self.waiting.training and "error" in there.tags and "error" not in tags:
            self.server.delete_tag(target, "error")
        self._texts = texts

    def _tags(self, run: Run, there: Mapping[str, str]) -> dict[str, str]:
        """The tags to be sent: a run from before keeps its own of MLflow's (user, command, name)."""
        old = not self.waiting.created
        tags = {
            key: value
            for key, value in run.data.tags.items()
            if not self.waiting.repeats("tags", key) and not (old and key.startswith("mlflow.") and key in there)
        }
        if PARENT in tags:
            tags[PARENT] = self._parent(tags[PARENT])
        return tags

    def _parent(self, parent: str) -> str:
        """The parent run's id at the server; it is brought there if it still waits."""
        if (found := find_run(self.server, parent, self.waiting.experiment)) is not None:
            return found
        waiting = outbox.find(parent, self.uri)
        if waiting is None:
            return parent
        with outbox.claimed(waiting, 10) as held:
            if held is not None and (problem := deliver(held, self.uri)) is not None:
                raise Undelivered(problem)
        return find_run(self.server, parent, self.waiting.experiment) or parent

    def _send_points(self, run: Run, target: str) -> None:
        for some in _portions(self._new_points(run), 1000):
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

    def _send_model(self, output: LoggedModelOutput, target: str) -> str:
        """Make the model at the server, unless a run that had it is restored or gone on with."""
        model = self.local.get_logged_model(output.model_id)
        there = self._model_at_server(model, target)
        if there.status == LoggedModelStatus.READY:
            return str(there.model_id)
        model_id = str(there.model_id)
        folder = self._on_disk(str(model.artifact_location))
        self.server.log_model_artifacts(model_id, str(folder))
        with tempfile.TemporaryDirectory() as temporary:
            # The one file that names the model and its run.
            card = Model.load(str(folder))
            card.model_id = card.model_uuid = model_id
            card.run_id, card.artifact_path = target, there.artifact_location
            card.save(str(Path(temporary) / "MLmodel"))
            self.server.log_model_artifact(model_id, str(Path(temporary) / "MLmodel"))
        if model_id not in [known.model_id for known in _outputs(self.server.get_run(target))]:
            self.server.log_outputs(target, [LoggedModelOutput(model_id, output.step)])
        for some in _portions(self._points_of_model(model, model_id), 1000):
            self.server.log_batch(target, metrics=list(some))
        self._compare_model(output, model_id)
        self.server.finalize_logged_model(model_id, model.status)
        return model_id

    def _points_of_model(self, model: LoggedModel, model_id: str) -> list[Metric]:
        """The run's points that count as the model's, too; MLflow's list of them takes NaN for 0."""
        wanted = {(metric.key, metric.timestamp, metric.step) for metric in model.metrics or ()}
        keys = {key for key, *_ in wanted if not self.waiting.repeats("metrics", key)}
        points = (point for key in keys for point in self.local.get_metric_history(self.waiting.local_id, key))
        return [
            Metric(point.key, point.value, point.timestamp, point.step, model_id=model_id)
            for point in points
            if (point.key, point.timestamp, point.step) in wanted
        ]

    def _model_at_server(self, model: LoggedModel, target: str) -> LoggedModel:
        md5 = model.tags["weights_md5"]
        experiment = self.server.get_run(target).info.experiment_id
        for there in self.server.search_logged_models([experiment], f"tags.weights_md5 = '{md5}'"):
            if there.source_run_id == target:
                return there
        return self.server.create_logged_model(
            experiment, model.name, target, model.tags, model.params, model.model_type
        )

    def _end(self, run: Run, target: str) -> None:
        if run.info.status == "RUNNING":  # a sweep's, whose trials go on
            self.server.update_run(target, "RUNNING")
        else:
            self.server.set_terminated(target, run.info.status, run.info.end_time)

    def _compare(self, run: Run, target: str, files: Path) -> None:
        there = self.server.get_run(target).data
        tags = self._tags(run, there.tags)
        lost = [f"parameter {key}" for key in run.data.params if key not in there.params]
        lost += [f"tag {key}" for key, value in tags.items() if there.tags.get(key) != value]
        self._sent = set(self._points(self.server, target, run.data.metrics))
        lost += [f"metric {metric.key} of step {metric.step}" for metric in self._new_points(run)]
        arrived = dict(_arrived(self.server.list_artifacts, target))
        lost += [f"file {name}" for name, size in _sizes(files).items() if arrived.get(name, -1) not in (size, None)]
        if lost:
            raise Undelivered(f"the server lacks {', '.join(lost[:5])}")

    def _compare_model(self, output: LoggedModelOutput, model_id: str) -> None:
        folder = self._on_disk(str(self.local.get_logged_model(output.model_id).artifact_location))
        arrived = dict(_arrived(self.server.list_logged_model_artifacts, model_id))
        sizes = {name: size for name, size in _sizes(folder).items() if name != "MLmodel"}
        lost = [name for name, size in sizes.items() if arrived.get(name, -1) not in (size, None)]
        if lost or "MLmodel" not in arrived:
            raise Undelivered(f"the server lacks files of model {model_id}: {', '.join(lost[:5])}")


def _portions(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """As many at once as MLflow takes."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _point(metric: Metric) -> Point:
    return metric.key, metric.step, metric.timestamp, repr(float(metric.value))


def _outputs(run: Run) -> list[LoggedModelOutput]:
    return list(run.outputs.model_outputs) if run.outputs is not None else []


def _sizes(folder: Path) -> dict[str, int]:
    """Every file below a folder, and its size."""
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def _arrived(listing: Any, resource: str, under: str | None = None) -> Iterator[tuple[str, int | None]]:
    """Every file that the server has of a run or model, and its size."""
    for entry in listing(resource, under):
        if entry.is_dir:
            yield from _arrived(listing, resource, entry.path)
        else:
            yield entry.path, entry.file_size

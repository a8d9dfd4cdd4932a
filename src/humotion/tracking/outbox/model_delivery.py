"""Send a logged model of a waiting run to its server, and helpers that sending the run needs, too."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Metric, Run
from mlflow.models import Model
from mlflow.tracking import MlflowClient

from humotion.tracking.outbox.waiting import WaitingRun
from humotion.tracking.store import every

T = TypeVar("T")


class Undelivered(Exception):
    """After everything was sent, the server still lacks something."""


class ModelDelivery:
    """Sends the models of one run."""

    def __init__(self, waiting: WaitingRun, local: MlflowClient, server: MlflowClient) -> None:
        self.waiting = waiting
        self.local = local
        self.server = server

    def send(self, output: LoggedModelOutput, target: str) -> str:
        """Create the model at the server, unless a run that has it is restored or resumed; return its id."""
        model = self.local.get_logged_model(output.model_id)
        there = self._model_at_server(model, target)
        if there.status == LoggedModelStatus.READY:
            return str(there.model_id)
        model_id = str(there.model_id)
        folder = on_disk(self.waiting, str(model.artifact_location))
        self.server.log_model_artifacts(model_id, str(folder))
        with tempfile.TemporaryDirectory() as temporary:
            # Only this file contains the ids of the model and its run.
            card = Model.load(str(folder))
            card.model_id = card.model_uuid = model_id
            card.run_id, card.artifact_path = target, there.artifact_location
            card.save(str(Path(temporary) / "MLmodel"))
            self.server.log_model_artifact(model_id, str(Path(temporary) / "MLmodel"))
        if model_id not in [known.model_id for known in outputs(self.server.get_run(target))]:
            self.server.log_outputs(target, [LoggedModelOutput(model_id, output.step)])
        for some in portions(self._points_of_model(model, model_id), 1000):
            self.server.log_batch(target, metrics=list(some))
        self.compare(output, model_id)
        self.server.finalize_logged_model(model_id, model.status)
        return model_id

    def _points_of_model(self, model: LoggedModel, model_id: str) -> list[Metric]:
        """The points of the run that also belong to the model; MLflow's own list has 0 instead of NaN."""
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
        for there in every(self.server.search_logged_models, [experiment], f"tags.weights_md5 = '{md5}'"):
            if there.source_run_id == target:
                return there
        return self.server.create_logged_model(
            experiment, model.name, target, model.tags, model.params, model.model_type
        )

    def compare(self, output: LoggedModelOutput, model_id: str) -> None:
        """Check that all files of a model arrived.

        Raises:
            Undelivered: some files are missing.
        """
        folder = on_disk(self.waiting, str(self.local.get_logged_model(output.model_id).artifact_location))
        arrived = dict(arrived_files(self.server.list_logged_model_artifacts, model_id))
        sizes = {name: size for name, size in file_sizes(folder).items() if name != "MLmodel"}
        lost = [name for name, size in sizes.items() if arrived.get(name, -1) not in (size, None)]
        if lost or "MLmodel" not in arrived:
            raise Undelivered(f"the server lacks files of model {model_id}: {', '.join(lost[:5])}")


def on_disk(waiting: WaitingRun, location: str) -> Path:
    """The folder of files that MLflow knows by absolute path; the user may have moved the checkout since."""
    _, below = unquote(urlsplit(location).path).rsplit("/mlruns/", 1)
    return waiting.folder / "mlruns" / below


def portions(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Parts that are small enough for one MLflow request."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def outputs(run: Run) -> list[LoggedModelOutput]:
    """The models that a run logged."""
    return list(run.outputs.model_outputs) if run.outputs is not None else []


def file_sizes(folder: Path) -> dict[str, int]:
    """Every file below a folder, and its size."""
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def arrived_files(listing: Any, resource: str, under: str | None = None) -> Iterator[tuple[str, int | None]]:
    """Every file that the server has of a run or model, and its size."""
    for entry in listing(resource, under):
        if entry.is_dir:
            yield from arrived_files(listing, resource, entry.path)
        else:
            yield entry.path, entry.file_size

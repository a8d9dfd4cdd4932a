"""The facts in the store about a version, a run and its sources, which show where a model comes from."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from humotion.errors import HumotionError
from humotion.tracking import store
from humotion.tracking.models import MODEL_CONFIG
from humotion.tracking.registry import versions
from humotion.tracking.sources import FOLDER
from humotion.tracking.store import mlflow, open_existing, shown_uri, tracking_uri

_MODEL_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>[^/@]+))?")


@dataclass(frozen=True)
class VersionFacts:
    """A registered version: its aliases and tags, and the run that it came from."""

    name: str
    version: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    run_id: str


@dataclass(frozen=True)
class RunFacts:
    """A run of the store.

    Attributes:
        run_id, name, status: of the run.
        started, ended: ISO dates in UTC; ``ended`` is None while it runs.
        experiment: the MLflow experiment.
        address: of its page in the UI, if the store is a server.
        params, metrics, tags: as logged.
        sources: names of the logged files that show what was run.
    """

    run_id: str
    name: str
    status: str
    started: str
    ended: str | None
    experiment: str
    address: str | None
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    sources: tuple[str, ...]


def find_version(model_uri: str, uri: str | None = None) -> VersionFacts:
    """The version that ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION`` means.

    Raises:
        HumotionError: the address is not of that form, or the registry has no such model, alias or version.
    """
    match = _MODEL_URI.fullmatch(model_uri)
    if match is None or (match["alias"] is None and match["version"] is None):
        raise HumotionError(f"{model_uri} names no version. Write models:/NAME@champion or models:/NAME/3.")
    known = versions(match["name"], uri)
    for each in known:
        if match["alias"] in each.aliases or match["version"] == str(each.version):
            return VersionFacts(each.name, str(each.version), tuple(each.aliases), dict(each.tags), str(each.run_id))
    listed = ", ".join(" @".join([str(each.version), *each.aliases]) for each in known)
    raise HumotionError(f"{match['name']} has no {match['alias'] or match['version']!r}. Its versions: {listed}.")


def find_run(run_id: str, uri: str | None = None) -> RunFacts | None:
    """A run by its id, or the run that replaces it in this store; None if the store has neither."""
    if (client := open_existing(uri)) is None:
        return None
    found = store.find_run(client, run_id, None)
    return None if found is None else _facts(client, client.get_run(found), uri)


def why_absent(run_id: str, uri: str | None = None) -> str:
    """What became of a run that `find_run` does not find, as the rest of a sentence, and what to do about it."""
    client = open_existing(uri)
    if client is None:
        return "does not exist yet"
    try:
        run = client.get_run(run_id)
    except mlflow.MlflowException:
        return "does not have it (it is of another store, or was deleted for good, for example by `mlflow gc`)"
    experiment = client.get_experiment(run.info.experiment_id)
    at = f"MLFLOW_TRACKING_URI={shown_uri(uri)} mlflow"
    if experiment.lifecycle_stage == "deleted":
        return (
            f"has it in the deleted experiment {experiment.name}. Restore that: "
            f"{at} experiments restore -x {experiment.experiment_id}"
        )
    return f"has it as deleted. Restore it: {at} runs restore --run-id {run_id}"


def read_source(run_id: str, name: str, uri: str | None = None) -> str | None:
    """The text of a logged file that shows what was run, or None if the run logged no file of that name."""
    content = read_source_bytes(run_id, name, uri)
    return None if content is None else content.decode("utf-8")


def read_source_bytes(run_id: str, name: str, uri: str | None = None) -> bytes | None:
    """The bytes of such a file: a patch may have files in any encoding."""
    if open_existing(uri) is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=f"{FOLDER}/{name}", dst_path=folder)
        except (mlflow.MlflowException, OSError):
            return None
        return Path(path).read_bytes()


def _facts(client: MlflowClient, run: Run, uri: str | None) -> RunFacts:
    store = tracking_uri(uri)
    info = run.info
    page = f"{shown_uri(uri).rstrip('/')}/#/experiments/{info.experiment_id}/runs/{info.run_id}"
    return RunFacts(
        run_id=info.run_id,
        name=info.run_name,
        status=info.status,
        started=str(_date(info.start_time)),
        ended=_date(info.end_time),
        experiment=client.get_experiment(info.experiment_id).name,
        address=page if store.startswith("http") else None,
        # MLflow adds the configuration of a logged model to the parameters of its run.
        params={key: value for key, value in run.data.params.items() if key not in MODEL_CONFIG},
        metrics=dict(run.data.metrics),
        tags=dict(run.data.tags),
        sources=_sources(client, info.run_id),
    )


def _sources(client: MlflowClient, run_id: str) -> tuple[str, ...]:
    try:
        return tuple(Path(entry.path).name for entry in client.list_artifacts(run_id, FOLDER))
    except (mlflow.MlflowException, OSError):  # the artifacts are on another machine
        return ()


def _date(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(sep=" ", timespec="seconds")

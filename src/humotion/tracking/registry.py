"""The model registry: versions named ``<model>-<dataset>``, aliases ``champion`` and ``challenger``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion

from humotion.tracking.store import connect, mlflow

CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class Candidate:
    """A trained model to be registered.

    Attributes:
        name: the registered model, ``ls_vit-hmdb51``.
        run_id: the run that logged it.
        model_id: the logged model.
        weights_md5: md5 of its weights; with the run it makes registration idempotent.
        tags: facts of the version, strings.
        description: the version's card, in Markdown.
    """

    name: str
    run_id: str
    model_id: str
    weights_md5: str
    tags: Mapping[str, str]
    description: str


def register_version(candidate: Candidate, uri: str | None = None) -> str:
    """Register a candidate and return its version; the version it already has if it was registered before."""
    client = connect(uri)
    if not client.search_registered_models(f"name = '{candidate.name}'", max_results=1):
        client.create_registered_model(candidate.name)
    for version in client.search_model_versions(f"name = '{candidate.name}'"):
        if version.run_id == candidate.run_id and version.tags.get("weights_md5") == candidate.weights_md5:
            client.update_model_version(candidate.name, version.version, candidate.description)
            return str(version.version)
    version = client.create_model_version(
        candidate.name,
        source=f"models:/{candidate.model_id}",
        run_id=candidate.run_id,
        model_id=candidate.model_id,
        tags={**candidate.tags, "weights_md5": candidate.weights_md5},
        description=candidate.description,
    )
    return str(version.version)


def champion(name: str, uri: str | None = None) -> ModelVersion | None:
    """The version that holds the alias ``champion``, or None."""
    client = connect(uri)
    try:
        return client.get_model_version_by_alias(name, CHAMPION)
    except mlflow.MlflowException:
        return None


def set_alias(name: str, version: str, alias: str, uri: str | None = None) -> None:
    """Give an alias to a version; it leaves the version that had it."""
    connect(uri).set_registered_model_alias(name, alias, version)


def remove_alias(name: str, version: str, alias: str, uri: str | None = None) -> None:
    """Take an alias away from a version, if it has it; another version keeps it."""
    client = connect(uri)
    if alias in client.get_model_version(name, version).aliases:
        client.delete_registered_model_alias(name, alias)


def download_model(model_uri: str, uri: str | None = None) -> Path:
    """The local folder of a logged or registered model (``models:/ls_vit-hmdb51@champion``)."""
    connect(uri)
    return Path(mlflow.artifacts.download_artifacts(model_uri))

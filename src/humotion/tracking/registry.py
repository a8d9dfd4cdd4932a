"""The model registry: versions named ``<model>-<dataset>``, aliases ``champion`` and ``challenger``.

Tags record what happened to a version: ``promoted_at`` and ``promoted_why``, ``champion_before`` (the champion before
it), and ``demoted_at`` and ``demoted_why``. A version with the last two is promoted again only if the user asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient

from humotion.errors import HumotionError
from humotion.tracking.hints import how_to_join
from humotion.tracking.store import NOT_THERE, connect, every, mlflow, open_existing, shown_uri

CHAMPION, CHALLENGER = "champion", "challenger"
PROMOTED_AT, PROMOTED_WHY, BEFORE = "promoted_at", "promoted_why", "champion_before"
DEMOTED_AT, DEMOTED_WHY = "demoted_at", "demoted_why"


@dataclass(frozen=True)
class Candidate:
    """A trained model to be registered.

    Attributes:
        name: the registered model, ``ls_vit-hmdb51``.
        run_id: the run that logged it.
        model_id: the logged model.
        weights_md5: md5 of its weights; with the run it makes registration idempotent.
        tags: facts about the version, as strings.
        description: the version's card, in Markdown.
    """

    name: str
    run_id: str
    model_id: str
    weights_md5: str
    tags: Mapping[str, str]
    description: str


def register_version(candidate: Candidate, uri: str | None = None) -> str:
    """Register a candidate and return its version; if it was registered before, return that version."""
    client = connect(uri)
    if not client.search_registered_models(f"name = '{candidate.name}'", max_results=1):
        client.create_registered_model(
            candidate.name,
            description="The champion is chosen on validation clips. Each version's description is its model card; "
            f"`humotion registry show {candidate.name}` shows why a version has its alias.",
        )
    for version in _versions(client, candidate.name):
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
    """The version with the alias ``champion``, or None.

    Raises:
        MlflowException: the store cannot answer. That must not look like "no champion": a new version would become it.
    """
    if (client := open_existing(uri)) is None:
        return None
    try:
        return client.get_model_version_by_alias(name, CHAMPION)
    except mlflow.MlflowException as error:
        if error.error_code in NOT_THERE:
            return None
        raise


def get_version(name: str, version: str, uri: str | None = None) -> ModelVersion:
    """A version with its aliases and tags.

    Raises:
        HumotionError: there is no such model or version.
    """
    known = versions(name, uri)
    found = [each for each in known if str(each.version) == version]
    if not found:
        listed = ", ".join(str(each.version) for each in known)
        raise HumotionError(f"{name} has no version {version!r}. It has {listed}.")
    return found[0]


def versions(name: str, uri: str | None = None) -> list[ModelVersion]:
    """The versions of a registered model, oldest first, with aliases and tags.

    Raises:
        HumotionError: there is no such model; the message lists the models.
    """
    client = open_existing(uri)
    found = [] if client is None else list(_versions(client, name))
    if client is None or not found:
        known = ", ".join(names(uri)) or "none"
        raise HumotionError(
            f"The registry at {shown_uri(uri)} has no model {name!r}. It has {known}. {how_to_join(name)}"
        )
    numbers = sorted(int(each.version) for each in found)
    return [client.get_model_version(name, str(number)) for number in numbers]  # a search returns no aliases


def names(uri: str | None = None) -> list[str]:
    """The registered models."""
    client = open_existing(uri)
    return [] if client is None else sorted(model.name for model in every(client.search_registered_models))


def with_weights(name: str, weights_md5: str, uri: str | None = None) -> ModelVersion | None:
    """The newest version of a registered model that has these weights, with its aliases; None if there is none."""
    client = open_existing(uri)
    found = [] if client is None else list(_versions(client, name))
    same = [int(each.version) for each in found if each.tags.get("weights_md5") == weights_md5]
    return client.get_model_version(name, str(max(same))) if client is not None and same else None


def _versions(client: MlflowClient, name: str) -> Iterator[ModelVersion]:
    return every(client.search_model_versions, f"name = '{name}'")


def promote(name: str, version: str, why: str, uri: str | None = None) -> None:
    """Give ``champion`` to a version, and record when, why and after which version; it is no longer demoted."""
    client = connect(uri)
    before = champion(name, uri)
    if before is not None and str(before.version) == version:
        return
    own = client.get_model_version(name, version).tags
    if before is not None and BEFORE not in own:
        client.set_model_version_tag(name, version, BEFORE, str(before.version))
    allow_again(name, version, uri)
    client.set_model_version_tag(name, version, PROMOTED_WHY, why)
    client.set_model_version_tag(name, version, PROMOTED_AT, _now())
    client.set_registered_model_alias(name, CHAMPION, version)
    remove_alias(name, version, CHALLENGER, uri)


def demote(name: str, version: str, successor: str | None, why: str, uri: str | None = None) -> None:
    """Remove ``champion`` from a version, record when and why, and give it to ``successor`` if there is one."""
    record_demotion(name, version, why, uri)
    if successor is None:
        remove_alias(name, version, CHAMPION, uri)
    else:
        promote(name, successor, f"version {version} was demoted: {why}", uri)


def record_demotion(name: str, version: str, why: str, uri: str | None = None) -> None:
    """Record that a version was demoted, and when and why, so that it is not promoted again."""
    tag_version(name, version, {DEMOTED_WHY: why, DEMOTED_AT: _now()}, uri)


def champion_before(name: str, version: str, uri: str | None = None) -> str | None:
    """The last champion before ``version`` that still exists and was not demoted."""
    known = {str(each.version): each.tags for each in versions(name, uri)}
    seen = {version}
    tags = known[version]
    while (before := tags.get(BEFORE)) is not None and before not in seen:
        seen.add(before)
        tags = known.get(before, {})
        if before in known and DEMOTED_AT not in tags:
            return str(before)
    return None


def allow_again(name: str, version: str, uri: str | None = None) -> None:
    """Remove the record that a version was demoted, so that it may be promoted."""
    client = connect(uri)
    for key in (DEMOTED_AT, DEMOTED_WHY):
        if key in client.get_model_version(name, version).tags:
            client.delete_model_version_tag(name, version, key)


def tag_version(name: str, version: str, tags: Mapping[str, str], uri: str | None = None) -> None:
    """Set tags of a version."""
    client = connect(uri)
    for key, value in tags.items():
        client.set_model_version_tag(name, version, key, value)


def set_alias(name: str, version: str, alias: str, uri: str | None = None) -> None:
    """Give an alias to a version; the version that had it loses it."""
    connect(uri).set_registered_model_alias(name, alias, version)


def remove_alias(name: str, version: str, alias: str, uri: str | None = None) -> None:
    """Remove an alias from a version; nothing changes if another version has it."""
    client = connect(uri)
    if alias in client.get_model_version(name, version).aliases:
        client.delete_registered_model_alias(name, alias)


def download_model(model_uri: str, uri: str | None = None) -> Path:
    """The local folder of a logged or registered model (``models:/ls_vit-hmdb51@champion``).

    Raises:
        HumotionError: the store does not have the model.
    """
    if open_existing(uri) is None:
        raise HumotionError(f"There is no MLflow store at {shown_uri(uri)} yet. {_how_to_get(model_uri)}")
    try:
        return Path(mlflow.artifacts.download_artifacts(model_uri))
    except (mlflow.MlflowException, OSError) as error:
        raise HumotionError(
            f"The store at {shown_uri(uri)} does not return {model_uri}: {error}. {_how_to_get(model_uri)}"
        ) from None


def _how_to_get(model_uri: str) -> str:
    """What may help if a store lacks ``models:/NAME@ALIAS`` or its files."""
    name = model_uri.removeprefix("models:/").split("@")[0].split("/")[0]
    return f"{how_to_join(name)} `humotion doctor` checks the store and where its files are."


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

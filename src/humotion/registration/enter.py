"""Enter a trained model in the MLflow registry: its version with a model card, and its alias.

`rule` decides about the alias, on validation clips only. A model that was registered with another store (that of a
colleague) gets what `registered/<experiment>.json` says of it, unless this store has a champion of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from humotion.evaluation.face import load_face
from humotion.files import read_json
from humotion.params.document import Params
from humotion.registration.card import card
from humotion.registration.rule import Decision, Incumbent, decide, refuse_without_scores, validated_on
from humotion.tracking import registry, runs
from humotion.training.description import VALIDATION, WEIGHTS, ModelDescription, check_weights, read_description
from humotion.work import digest_of_file


@dataclass(frozen=True)
class Entry:
    """A version in the registry: its model, number, alias and the reason for it, and the run of its training."""

    model: str
    version: str
    alias: str | None
    reason: str
    run_id: str

    def as_dict(self) -> dict[str, Any]:
        """Return the content of ``registered/<experiment>.json``."""
        uri = f"models:/{self.model}@{self.alias}" if self.alias else f"models:/{self.model}/{self.version}"
        return {**vars(self), "uri": uri}

    def __str__(self) -> str:
        alias = self.alias or "neither champion nor challenger"
        return f"{self.model} version {self.version} is {alias}: {self.reason}"


def enter(name: str, params: Params, again: bool = False) -> Entry:
    """Register ``models/<name>/`` and decide about its alias; the same run and weights give one version only.

    If the version keeps the alias that it has, it keeps the reason too.

    Args:
        name: the experiment or fusion.
        params: all of params.yaml.
        again: let a demoted version compete again.

    Raises:
        HumotionError: there is no such experiment, no trained model, its training diverged, or its run is not in the
            store.
    """
    maker, uri = params.maker(name), params.machine.tracking_uri
    description = read_description(Path("models") / name)
    validation = pd.read_parquet(Path("models") / name / VALIDATION)
    candidate = _candidate(name, params, description, validation)
    incumbent = _incumbent(candidate.name, uri)
    version = registry.register_version(candidate, uri)
    if again:
        registry.allow_again(candidate.name, version, uri)
    before = registry.get_version(candidate.name, version, uri).tags
    rule, face = maker.register_, load_face(maker.task)
    demoted = before.get(registry.DEMOTED_WHY)
    decision = decide(version, validation, incumbent, rule, face, maker.seed, demoted)
    if incumbent is not None and incumbent.version == version and demoted is None:
        decision = Decision(decision.alias, before.get(registry.PROMOTED_WHY, decision.reason))
    _give_alias(candidate.name, version, decision, uri)
    _tag(candidate.name, version, decision, rule.metric, description, uri)
    return Entry(candidate.name, version, decision.alias, decision.reason, description.run_id)


def enter_as_recorded(name: str, params: Params, recorded: Mapping[str, Any]) -> Entry:
    """Register ``models/<name>/`` with the alias and reason of ``registered/<name>.json``, which stays as it is.

    If this store has another champion, the rule decides who is champion here.
    """
    maker, uri = params.maker(name), params.machine.tracking_uri
    description = read_description(Path("models") / name)
    validation = pd.read_parquet(Path("models") / name / VALIDATION)
    candidate = _candidate(name, params, description, validation)
    incumbent = _incumbent(candidate.name, uri)
    if incumbent is not None and recorded["alias"] == registry.CHAMPION:
        return enter(name, params)
    version = registry.register_version(candidate, uri)
    decision = Decision(recorded["alias"], recorded["reason"])
    if decision.alias is None:
        registry.record_demotion(candidate.name, version, decision.reason, uri)
    _give_alias(candidate.name, version, decision, uri)
    _tag(candidate.name, version, decision, maker.register_.metric, description, uri)
    return Entry(candidate.name, version, decision.alias, decision.reason, description.run_id)


def _tag(
    model: str, version: str, decision: Decision, metric: str, description: ModelDescription, uri: str | None
) -> None:
    """Record the reason and the validation score with the version."""
    score = description.validation.get(metric)
    measured = "none" if score is None else f"{score:.4f}"
    tags = {"why": decision.reason, "metric": metric, f"validation.{metric}": measured}
    registry.tag_version(model, version, tags, uri)


def _candidate(
    name: str, params: Params, description: ModelDescription, validation: pd.DataFrame
) -> registry.Candidate:
    """The trained model of an experiment, ready to be registered; one whose training diverged is refused."""
    maker = params.maker(name)
    folder, face = Path("models") / name, load_face(maker.task)
    check_weights(folder)
    refuse_without_scores(name, validation, face.SCORE_COLUMNS[maker.register_.metric])
    model = f"{description.architecture['name']}-{description.dataset}"
    weights_md5 = digest_of_file(folder / WEIGHTS)
    logged = runs.logged_model(description.run_id, weights_md5, params.machine.tracking_uri)
    test = read_json(Path("metrics") / name / "test.json")
    about_data = read_json(Path("prepared") / maker.dataset / "index.json")
    return registry.Candidate(
        name=model,
        run_id=logged.run_id,
        model_id=logged.model_id,
        weights_md5=weights_md5,
        tags={"experiment": name, "validated_on": validated_on(validation)},
        description=card(model, description, about_data, test, maker.register_, face),
    )


def _incumbent(model: str, uri: str | None) -> Incumbent | None:
    """The champion before the new version is registered."""
    found = registry.champion(model, uri)
    if found is None:
        return None

    def read_validation() -> pd.DataFrame:
        downloaded = registry.download_model(f"models:/{model}/{found.version}", uri)
        return pd.read_parquet(next(downloaded.rglob(VALIDATION)))

    return Incumbent(str(found.version), found.tags.get("validated_on"), read_validation)


def _give_alias(model: str, version: str, decision: Decision, uri: str | None) -> None:
    if decision.alias == registry.CHAMPION:
        registry.promote(model, version, decision.reason, uri)
    elif decision.alias == registry.CHALLENGER:
        registry.set_alias(model, version, registry.CHALLENGER, uri)

"""Stage register: create a version in the MLflow registry with its model card, and decide if it becomes champion.

`humotion.registration.rule` decides, on validation clips only. The card also shows test scores.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from humotion.evaluation.face import load_face
from humotion.files import read_json, write_json
from humotion.params.document import Params
from humotion.registration.card import card
from humotion.registration.rule import Decision, Incumbent, decide, refuse_without_scores, validated_on
from humotion.tracking import registry, runs
from humotion.training.description import VALIDATION, WEIGHTS, ModelDescription, check_weights, read_description
from humotion.work import digest_of_file


def run(name: str, params: Params, again: bool = False) -> None:
    """Register ``models/<name>/`` and write ``registered/<name>.json``; the same run and weights give one version only.

    Args:
        name: the experiment.
        params: all of params.yaml.
        again: let a demoted version compete again.

    Raises:
        HumotionError: there is no such experiment, or no trained model, or its training diverged.
    """
    experiment, uri = params.experiment(name), params.machine.tracking_uri
    description = read_description(Path("models") / name)
    check_weights(Path("models") / name)
    refuse_without_scores(
        name, _validation(name), load_face(experiment.task).SCORE_COLUMNS[experiment.register_.metric]
    )
    candidate = _candidate(name, params, description)
    incumbent = _champion(candidate.name, uri)
    version = registry.register_version(candidate, uri)
    if again:
        registry.allow_again(candidate.name, version, uri)
    demoted = registry.get_version(candidate.name, version, uri).tags.get(registry.DEMOTED_WHY)
    rule, face = experiment.register_, load_face(experiment.task)
    decision = decide(version, _validation(name), incumbent, rule, face, experiment.seed, demoted)
    _give_alias(candidate.name, version, decision, uri)
    score = description.validation.get(rule.metric)
    measured = "none" if score is None else f"{score:.4f}"
    tags = {"why": decision.reason, "metric": rule.metric, f"validation.{rule.metric}": measured}
    registry.tag_version(candidate.name, version, tags, uri)
    _write(name, candidate, version, decision)


def _candidate(name: str, params: Params, description: ModelDescription) -> registry.Candidate:
    """The trained model of an experiment, ready to be registered."""
    experiment = params.experiment(name)
    model = f"{description.architecture['name']}-{description.dataset}"
    weights_md5 = digest_of_file(Path("models") / name / WEIGHTS)
    logged = runs.logged_model(description.run_id, weights_md5, params.machine.tracking_uri)
    test = read_json(Path("metrics") / name / "test.json")
    about_data = read_json(Path("prepared") / experiment.dataset / "index.json")
    return registry.Candidate(
        name=model,
        run_id=logged.run_id,
        model_id=logged.model_id,
        weights_md5=weights_md5,
        tags={"experiment": name, "validated_on": validated_on(_validation(name))},
        description=card(model, description, about_data, test, experiment.register_, load_face(experiment.task)),
    )


def _validation(name: str) -> pd.DataFrame:
    return pd.read_parquet(Path("models") / name / VALIDATION)


def _champion(model: str, uri: str | None) -> Incumbent | None:
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


def _write(name: str, candidate: registry.Candidate, version: str, decision: Decision) -> None:
    """Write ``registered/<name>.json``, and print its content as one line."""
    model, alias = candidate.name, decision.alias
    facts = {"model": model, "version": version, "alias": alias, "reason": decision.reason, "run_id": candidate.run_id}
    uri = f"models:/{model}@{alias}" if alias else f"models:/{model}/{version}"
    write_json(Path("registered") / f"{name}.json", {**facts, "uri": uri})
    print(f"{model} version {version} is {alias or 'neither champion nor challenger'}: {decision.reason}")

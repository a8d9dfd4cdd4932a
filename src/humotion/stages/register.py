"""Stage register: a version in the MLflow registry, and the decision who is champion.

The decision rests on validation clips alone, by a paired bootstrap over groups: a version takes the
alias from the champion only if it is better by more than noise. Test scores stand in the card.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from humotion.evaluation.bootstrap import paired_bootstrap
from humotion.files import read_json, write_json
from humotion.params import AnyExperiment, Params
from humotion.tracking import registry, runs
from humotion.training.description import VALIDATION, WEIGHTS, ModelDescription, read_description
from humotion.work import digest_of, digest_of_file


@dataclass(frozen=True)
class Decision:
    """Which alias a version gets, and why."""

    alias: str
    reason: str


def run(name: str, params: Params) -> None:
    """Register ``models/<name>/`` and write ``registered/<name>.json``. Idempotent per run and weights.

    Raises:
        HumotionError: no such experiment, or no trained model.
    """
    experiment = params.experiment(name)
    uri = params.machine.tracking_uri
    folder = Path("models") / name
    description = read_description(folder)
    model = f"{description.architecture['name']}-{description.dataset}"
    logged = runs.logged_model(description.run_id, digest_of_file(folder / WEIGHTS), uri)
    validation = pd.read_parquet(folder / VALIDATION)
    incumbent = registry.champion(model, uri)
    version = registry.register_version(
        registry.Candidate(
            name=model,
            run_id=logged.run_id,
            model_id=logged.model_id,
            weights_md5=digest_of_file(folder / WEIGHTS),
            tags={"experiment": name, "validated_on": validated_on(validation)},
            description=card(name, description, read_json(Path("metrics") / name / "test.json")),
        ),
        uri,
    )
    decision = decide(version, incumbent, validation, experiment, uri)
    registry.set_alias(model, version, decision.alias, uri)
    if decision.alias == registry.CHAMPION:
        registry.remove_alias(model, version, registry.CHALLENGER, uri)
    write_json(
        Path("registered") / f"{name}.json",
        {
            "model": model,
            "version": version,
            "alias": decision.alias,
            "reason": decision.reason,
            "run_id": logged.run_id,
            "uri": f"models:/{model}@{decision.alias}",
        },
    )
    print(f"{model} version {version} is {decision.alias}: {decision.reason}")


def validated_on(validation: pd.DataFrame) -> str:
    """Identifies the validation clips: versions are comparable only where it is equal."""
    return digest_of(sorted(validation["clip_id"]))


def decide(
    version: str, incumbent: Any, validation: pd.DataFrame, experiment: AnyExperiment, uri: str | None
) -> Decision:
    """Champion or challenger? See the module's docstring for the rule."""
    if incumbent is None:
        return Decision(registry.CHAMPION, "there was no champion")
    if str(incumbent.version) == version:
        return Decision(registry.CHAMPION, "it is the champion already")
    if incumbent.tags.get("validated_on") != validated_on(validation):
        return Decision(
            registry.CHALLENGER, f"champion version {incumbent.version} was validated on other clips: not compared"
        )
    downloaded = registry.download_model(f"models:/{incumbent.name}/{incumbent.version}", uri)
    theirs = pd.read_parquet(next(downloaded.rglob(VALIDATION)))
    pairs = validation.merge(theirs, on=["clip_id", "group"], suffixes=("", "_champion"))
    gain = paired_bootstrap(
        pairs["score"],
        pairs["score_champion"],
        pairs["group"].tolist(),
        experiment.seed,
        experiment.register_.bootstrap,
        weights=pairs["weight"],
    )
    interval = f"95 % interval {gain.low:+.4f} to {gain.high:+.4f}"
    if math.isnan(gain.low):
        interval = "no interval: its clips come from a single film or recording"
    measured = f"validation gain {gain.difference:+.4f} ({interval}) over version {incumbent.version}"
    if gain.low > experiment.register_.min_gain:
        return Decision(registry.CHAMPION, measured)
    return Decision(registry.CHALLENGER, f"{measured}; more than {experiment.register_.min_gain} was asked for")


def card(name: str, description: ModelDescription, test: dict[str, Any]) -> str:
    """The version's model card, in Markdown: what it is, on what it was trained, and its scores."""
    architecture = ", ".join(f"{key} {value}" for key, value in description.architecture.items())
    split = description.meta["split"]
    rows = [f"| validation {key} | {_score(value)} |" for key, value in description.validation.items()]
    rows += [f"| test {key} | {_score(value)} |" for key, value in test["test"].items()]
    for baseline, scores in test["baseline"].items():
        rows += [f"| test {key} of {baseline} | {_score(value)} |" for key, value in scores.items()]
    return "\n".join(
        [
            f"# {name}: {description.task.replace('_', ' ')} on {description.dataset}",
            "",
            f"Model: {architecture}.",
            f"Split: {split}. Test: {test['num_clips']} clips from {test['num_groups']} films or recordings.",
            "",
            "| metric | value |",
            "| --- | --- |",
            *rows,
            "",
            "The checkpoint and the champion are chosen on validation clips; test scores decide nothing.",
            f"Input md5s: {', '.join(f'{key} {md5}' for key, md5 in description.data_md5.items())}.",
        ]
    )


def _score(value: float | None) -> str:
    """A score for the card; JSON has null where there was nothing to score."""
    return "none" if value is None else f"{value:.4f}"

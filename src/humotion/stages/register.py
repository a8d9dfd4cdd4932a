"""Stage register: a version in the MLflow registry, and the decision who is champion.

The decision rests on validation clips alone, by a paired bootstrap over groups: a version takes the
alias from the champion only if it is better by more than noise. Test scores stand in the card. A version
that somebody demoted stays so, unless asked for ``again``.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from humotion.files import read_json, write_json
from humotion.params.document import Params
from humotion.registration.card import card
from humotion.registration.rule import decide, validated_on
from humotion.tracking import registry, runs
from humotion.training.description import VALIDATION, WEIGHTS, read_description
from humotion.work import digest_of_file


def run(name: str, params: Params, again: bool = False) -> None:
    """Register ``models/<name>/`` and write ``registered/<name>.json``. Idempotent per run and weights.

    Args:
        name: the experiment.
        params: all of params.yaml.
        again: let a version that was demoted compete again.

    Raises:
        HumotionError: no such experiment, or no trained model.
    """
    experiment = params.experiment(name)
    uri = params.machine.tracking_uri
    folder = Path("models") / name
    description = read_description(folder)
    model = f"{description.architecture['name']}-{description.dataset}"
    weights_md5 = digest_of_file(folder / WEIGHTS)
    logged = runs.logged_model(description.run_id, weights_md5, uri)
    validation = pd.read_parquet(folder / VALIDATION)
    incumbent = registry.champion(model, uri)
    test = read_json(Path("metrics") / name / "test.json")
    rule = experiment.register_
    version = registry.register_version(
        registry.Candidate(
            name=model,
            run_id=logged.run_id,
            model_id=logged.model_id,
            weights_md5=weights_md5,
            tags={"experiment": name, "validated_on": validated_on(validation)},
            description=card(model, description, params.dataset(description.dataset), test, rule),
        ),
        uri,
    )
    if again:
        registry.allow_again(model, version, uri)
    demoted = registry.get_version(model, version, uri).tags.get(registry.DEMOTED_WHY)
    decision = decide(version, incumbent, validation, experiment, uri, demoted)
    if decision.alias == registry.CHAMPION:
        registry.promote(model, version, decision.reason, uri)
    elif decision.alias == registry.CHALLENGER:
        registry.set_alias(model, version, registry.CHALLENGER, uri)
    score = description.validation.get(rule.metric)
    measured = "none" if score is None else f"{score:.4f}"
    registry.tag_version(
        model, version, {"why": decision.reason, "metric": rule.metric, f"validation.{rule.metric}": measured}, uri
    )
    write_json(
        Path("registered") / f"{name}.json",
        {
            "model": model,
            "version": version,
            "alias": decision.alias,
            "reason": decision.reason,
            "run_id": logged.run_id,
            "uri": f"models:/{model}@{decision.alias}" if decision.alias else f"models:/{model}/{version}",
        },
    )
    print(f"{model} version {version} is {decision.alias or 'neither champion nor challenger'}: {decision.reason}")

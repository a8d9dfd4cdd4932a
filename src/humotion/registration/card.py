"""The model card, which is the description of a version in the registry: one template for every model."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

from humotion.evaluation.face import Face
from humotion.params.experiment import RegisterParams
from humotion.tracking.notes import data_line, figure_table
from humotion.training.description import ModelDescription

NOT_FOR = "Not made for decisions about people: surveillance, identification, medical or safety-critical use."


def card(
    model: str,
    description: ModelDescription,
    about_data: Mapping[str, Any],
    test: Mapping[str, Any],
    rule: RegisterParams,
    face: Face,
) -> str:
    """The card in Markdown: model, intended use, data, scores, choice of the champion, limits, licence, lineage.

    Args:
        model: the registered model.
        description: of the model folder.
        about_data: index.json of the dataset: its layout, the source of the videos, and their terms of use.
        test: as in test.json.
        rule: the rule that chooses the champion.
        face: of the task.
    """
    meta = description.meta
    # An option that is not set has the default of the model, so "None" would be wrong.
    given = {key: value for key, value in description.architecture.items() if value is not None}
    architecture = ", ".join(f"{key} {value}" for key, value in given.items())
    gain = test["gain"]
    sections = {
        f"# {description.experiment}: {description.task.replace('_', ' ')} on {description.dataset}": (
            f"Model: {architecture}."
        ),
        "## Intended use": f"{face.intended_use(meta)}\n\n{NOT_FOR}",
        "## Data": (
            f"`{description.dataset}` ({about_data['layout']} layout), split {data_line(meta)}.\n\n"
            f"{about_data['footage']}\n\n"
            f"Input md5s: {', '.join(f'{key} {md5}' for key, md5 in description.data_md5.items())}."
        ),
        "## Metrics": (
            f"{figure_table(description.validation, test)}\n\n"
            f"Test: {test['num_clips']} clips from {test['num_groups']} films or recordings; {gain['metric']} over "
            f"{gain['over']} {_signed(gain['difference'])} (95 % interval {_signed(gain['low'])} to "
            f"{_signed(gain['high'])}, bootstrap over films or recordings)."
        ),
        "## How it was chosen": (
            "The checkpoint and the champion are chosen on validation clips; test scores decide nothing. A version "
            f"becomes champion if its gain in validation {rule.metric} over the champion is above {rule.min_gain} "
            f"at the lower end of a 95 % interval ({rule.bootstrap} resamples of films or recordings)."
        ),
        "## Limits": f"{face.LIMITS} {_small(test)}",
        "## Licence": f"Code: {_licence()}. Data: {about_data['terms']}. The weights are subject to both.",
        "## Lineage": f"Run {description.run_id}; `humotion lineage models:/{model}/VERSION` shows its commit, "
        "data and settings, and the commands that rebuild it.",
    }
    return "\n".join(f"{title}\n\n{text}\n" for title, text in sections.items())


def _small(test: Mapping[str, Any]) -> str:
    if test["gain"]["low"] is not None and test["gain"]["low"] > 0:
        return "The interval above shows how certain this is with these test clips."
    against = test["gain"]["over"]
    return f"On its test clips it is **not distinguishably better than {against}**: see the interval above."


def _signed(value: float | None) -> str:
    return "none" if value is None else f"{value:+.4f}"


def _licence() -> str:
    """The licence of the installed package, which comes from pyproject.toml."""
    try:
        return metadata("humotion")["License-Expression"] or "see LICENSE"
    except PackageNotFoundError:
        return "see LICENSE"

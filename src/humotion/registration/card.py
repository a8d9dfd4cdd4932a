"""The model card that stands as a version's description in the registry: one template for every model."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from humotion.fetch.archives import SOURCES
from humotion.params.dataset import DatasetParams
from humotion.params.experiment import RegisterParams
from humotion.store.skeleton import SKELETONS
from humotion.tracking.notes import data_line, figure_table
from humotion.training.description import ModelDescription

USE = {
    "action_recognition": (
        "One label for a short clip in which one of the classes below is seen, in footage like that of the "
        "training clips. Classes: {classes}.",
        "It always answers with one of its classes, also where none is seen; its probabilities need not be "
        "calibrated. Footage of other cameras, places or people may be recognised much worse than the test clips.",
    ),
    "pose_estimation": (
        "The {joints} joints ({skeleton}) of one person in a video whose box is known or who fills most of the "
        "frame, in footage like that of the training clips.",
        "One person a video. Every joint gets a position, also one that is hidden or outside the frame. Footage of "
        "other cameras, places or people may be read much worse than the test clips.",
    ),
}
NOT_FOR = "Not made for decisions about people: surveillance, identification, medical or safety-critical use."


def card(
    model: str, description: ModelDescription, dataset: DatasetParams, test: dict[str, Any], rule: RegisterParams
) -> str:
    """The card, in Markdown: what it is and for, on what it was trained, its scores, limits, licences, lineage.

    Args:
        model: the registered model.
        description: of the model folder.
        dataset: where it was trained on.
        test: as in test.json.
        rule: by which the champion is chosen.
    """
    meta = description.meta
    intended, limits = (_filled(text, meta) for text in USE[description.task])
    # As in the note of a run: an option that is not set need not be none of it.
    given = {key: value for key, value in description.architecture.items() if value is not None}
    architecture = ", ".join(f"{key} {value}" for key, value in given.items())
    gain = test["gain"]
    sections = {
        f"# {description.experiment}: {description.task.replace('_', ' ')} on {description.dataset}": (
            f"Model: {architecture}."
        ),
        "## Intended use": f"{intended}\n\n{NOT_FOR}",
        "## Data": (
            f"`{description.dataset}` ({dataset.layout} layout), split {data_line(meta)}.\n\n"
            f"{footage(dataset)}\n\n"
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
            f"becomes champion if its gain in validation {rule.metric} over the champion surpasses "
            f"{rule.min_gain} at the lower end of a 95 % interval ({rule.bootstrap} resamples of films or recordings)."
        ),
        "## Limits": f"{limits} {_small(test)}",
        "## Licence": f"Code: {_licence()}. Data: {terms(dataset)}. The weights are subject to both.",
        "## Lineage": f"Run {description.run_id}; `humotion lineage models:/{model}/VERSION` leads back to commit, "
        "data, settings and the commands that rebuild it.",
    }
    return "\n".join(f"{title}\n\n{text}\n" for title, text in sections.items())


def footage(dataset: DatasetParams) -> str:
    """What the videos are: the embedded sample is rendered, and says so."""
    if _is_sample(dataset):
        return (
            "The videos are the embedded sample: rendered clips of an articulated body, not real footage. "
            "**Its scores say nothing about real footage.**"
        )
    return f"The videos lie at `{dataset.root}`; the card knows no more of them than their layout."


def terms(dataset: DatasetParams) -> str:
    """Under which terms the videos stand, as far as we know."""
    if _is_sample(dataset):
        return "rendered by this project from motion-capture clips that come with pybullet_data; see there"
    source = SOURCES.get(dataset.layout)
    return f"see the dataset's terms (of the public {source.layout}: {source.terms})" if source else "see its terms"


def _is_sample(dataset: DatasetParams) -> bool:
    return dataset.root.parts[:1] == ("data",) and Path("data.dvc").exists()


def _filled(text: str, meta: dict[str, Any]) -> str:
    classes, skeleton = meta.get("classes", []), meta.get("skeleton")
    return text.format(
        classes=", ".join(classes), skeleton=skeleton, joints=len(SKELETONS[skeleton].joints) if skeleton else 0
    )


def _small(test: dict[str, Any]) -> str:
    if test["gain"]["low"] is not None and test["gain"]["low"] > 0:
        return "The interval above says how much the test clips can tell."
    against = test["gain"]["over"]
    return f"On its test clips it is **not distinguishably better than {against}**: the interval above says why."


def _signed(value: float | None) -> str:
    return "none" if value is None else f"{value:+.4f}"


def _licence() -> str:
    """That of the installed package, which has it from pyproject.toml."""
    try:
        return metadata("humotion")["License-Expression"] or "see LICENSE"
    except PackageNotFoundError:
        return "see LICENSE"

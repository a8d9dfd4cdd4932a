"""The sections ``fusions.<name>`` of params.yaml: two trained models whose answers count together (late fusion)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from humotion.params.experiment import EvaluateParams
from humotion.params.names import Name
from humotion.params.section import Section
from humotion.params.tasks.action_recognition import ActionExperiment, ActionRegisterParams

SAME_CLIPS = ("split", "validation_folds", "validation_fold", "sampling")
"""Settings of ``clips`` that decide which clips validate and test a model."""


class FusionParams(Section):
    """A model that adds the log-probabilities of its two members, each times its weight.

    A member is an experiment or another fusion, so three models are a fusion of a fusion: DVC needs a fixed number of
    dependencies in every entry of a map.
    """

    task: Literal["action_recognition"]
    dataset: str
    of: tuple[Name, Name] = Field(description="two experiments or fusions, on the same clips of this dataset")
    weights: Literal["equal", "validation"] = Field(
        "equal",
        description="equal: half each. validation: the weights with the smallest cross-entropy on validation clips",
    )
    seed: int = Field(0, ge=0, description="of the bootstrap")
    evaluate: EvaluateParams = EvaluateParams()
    register_: ActionRegisterParams = Field(ActionRegisterParams(), alias="register")


def first_experiment(name: str, fusions: Mapping[str, FusionParams]) -> str:
    """Return the name of an experiment as it is, and of a fusion that of the first experiment in it."""
    while name in fusions:
        name = fusions[name].of[0]
    return name


def check_fusions(fusions: Mapping[str, FusionParams], experiments: Mapping[str, Section]) -> None:
    """Raise a ValueError unless the members of every fusion exist, differ, and have the same clips."""
    for name, fusion in fusions.items():
        if fusion.of[0] == fusion.of[1]:
            raise ValueError(f"fusions.{name}.of names {fusion.of[0]} twice")
        found = {leaf: experiments[leaf] for leaf in _leaves(name, fusions, experiments)}
        for leaf, experiment in found.items():
            if not isinstance(experiment, ActionExperiment) or experiment.dataset != fusion.dataset:
                raise ValueError(
                    f"fusions.{name}: {leaf} is no experiment of {fusion.task} on its dataset {fusion.dataset!r}"
                )
        (first, chosen), *others = ((leaf, _clips_of(experiment)) for leaf, experiment in found.items())
        for leaf, other in others:
            if other != chosen:
                raise ValueError(
                    f"fusions.{name}: {first} and {leaf} have other test or validation clips ({chosen} and {other}), "
                    "but only answers for the same clips can be added"
                )


def _clips_of(experiment: Section) -> dict[str, object]:
    clips = experiment.clips  # type: ignore[attr-defined]
    return {key: getattr(clips, key) for key in SAME_CLIPS}


def _leaves(
    name: str, fusions: Mapping[str, FusionParams], experiments: Mapping[str, Section], above: tuple[str, ...] = ()
) -> list[str]:
    """The experiments that a fusion is made of, in order."""
    if name in above:
        raise ValueError(f"fusions.{name}: no fusion can be made of itself ({' of '.join([*above, name])})")
    if name in experiments:
        return [name]
    if name not in fusions:
        known = ", ".join([*experiments, *(fusion for fusion in fusions if fusion != above[-1])])
        raise ValueError(f"fusions.{above[-1]}.of names {name!r}, which does not exist; there are {known}")
    return [leaf for member in fusions[name].of for leaf in _leaves(member, fusions, experiments, (*above, name))]

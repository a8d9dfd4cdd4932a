"""Every layout, and every combination of task, input, family and model that params.yaml can have."""

from __future__ import annotations

from importlib import import_module
from itertools import product
from typing import Any, get_args

from humotion import choices
from humotion.params.document import AnyExperiment
from humotion.params.layer import LABELS, NO_BACKBONE, LayerParams

Chosen = dict[str, str]
PER_DATASET = ("index", "extract", "explore")
PER_LAYER = ("annotate", "review")
PER_EXPERIMENT = ("sample", "augment", "train", "evaluate", "register")


def chosen_by_dataset() -> dict[str, Chosen]:
    """What a dataset of each layout chooses, by the dataset's name."""
    return {f"of_{layout}": {"datasets": layout} for layout in choices.names("datasets")}


def chosen_by_layer() -> dict[str, Chosen]:
    """What a layer of each annotation tool, and of each backbone that it can run, chooses, by the layer's name."""
    found = {}
    for tool in choices.names("annotation"):
        section = choices.only_class(import_module(f"humotion.params.annotation.{tool}"), LayerParams)
        for backbone in get_args(section.model_fields["backbone"].annotation):
            name = f"by_{tool}" if backbone == NO_BACKBONE else f"by_{tool}_of_{backbone}"
            found[name] = {"annotation": tool, "models": backbone}
    return found


def chosen_by_experiment() -> dict[str, Chosen]:
    """What an experiment of each combination chooses, by the experiment's name."""
    found = {}
    for kind in get_args(AnyExperiment):
        fields = kind.model_fields
        models = get_args(fields["model"].annotation) or (fields["model"].annotation,)
        for input_, model in product(get_args(fields["input"].annotation), models):
            (task,), (family,), (name,) = (
                get_args(section[key].annotation)
                for section, key in (
                    (fields, "task"),
                    (model.model_fields, "family"),
                    (model.model_fields, "name"),
                )
            )
            found[f"{name}_{input_}"] = {"tasks": task, "inputs": input_, "models": family, "model": name}
    return found


def params_of_every_choice(experiments: dict[str, Any]) -> dict[str, Any]:
    """A params.yaml in which all of them stand, as far as dvc.yaml reads it.

    ``experiments`` are those of the real one: an experiment here has the sections of one of the same task, if there is
    one: dvc.yaml reads the same keys of all.
    """
    by_task = {experiment["task"]: experiment for experiment in experiments.values()}
    made = {
        name: by_task.get(chosen["tasks"], next(iter(by_task.values())))
        | {
            "task": chosen["tasks"],
            "input": chosen["inputs"],
            "dataset": next(iter(chosen_by_dataset())),
            "layer": "labels",
        }
        | {"model": {"family": chosen["models"], "name": chosen["model"]}}
        for name, chosen in chosen_by_experiment().items()
    }
    return {
        "datasets": {
            name: {"layout": chosen["datasets"], "root": f"data/{name}"} for name, chosen in chosen_by_dataset().items()
        },
        "layers": {
            name: {"dataset": next(iter(chosen_by_dataset())), "tool": chosen["annotation"]}
            | {"of": LABELS, "backbone": chosen["models"]}
            for name, chosen in chosen_by_layer().items()
        },
        "experiments": made,
        "fusions": {
            f"fusion_of_{task}": {"task": task, "dataset": next(iter(chosen_by_dataset())), "of": list(made)[:2]}
            for task in fused()
        },
        "rebalance": {name: {} for name, chosen in chosen_by_experiment().items() if chosen["tasks"] in rebalanced()},
        "sweeps": {},
    }


def fused() -> list[str]:
    """The tasks whose models can be fused."""
    return [task for task in choices.names("tasks") if _has_part(task, "fusion.protocol")]


def rebalanced() -> list[str]:
    """The tasks whose heads can be rebalanced."""
    return [task for task in choices.names("tasks") if _has_part(task, "rebalancing.protocol")]


def _has_part(task: str, part: str) -> bool:
    from importlib.util import find_spec

    try:
        return find_spec(f"humotion.tasks.{task}.{part}") is not None
    except ModuleNotFoundError:
        return False

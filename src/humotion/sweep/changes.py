"""An experiment with some parameters changed, under the same rules as params.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from humotion.errors import HumotionError
from humotion.params.document import Params, validate_params
from humotion.params.sweep import Scalar

SWEPT = ("augment", "model", "optimizer", "seed", "trainer")
READING = "evaluate.decoding"
"""How the outputs of a trained model are read (`humotion.sweep.reading`)."""


def with_changes(params: Params, name: str, changes: Mapping[str, Scalar]) -> Params:
    """``params`` with values of experiment ``name`` replaced: ``{"optimizer.lr": 0.01, "augment.policy.0.p": 0.5}``.

    Raises:
        HumotionError: the experiment does not have a path, or params.yaml cannot have a value.
    """
    raw = params.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for path, value in changes.items():
        _set(raw["experiments"][name], path, value, name)
    listed = ", ".join(f"{path}={value}" for path, value in changes.items())
    return validate_params(raw, f"With {listed}, sweeps.{name} makes parameters that are not valid:")


def trial_params(name: str, params: Params) -> Params:
    """``params`` with the values that ``sweeps.<name>.fixed`` gives every trial.

    Raises:
        HumotionError: trials cannot change a path, or params.yaml cannot have a value.
    """
    fixed = params.sweep(name).fixed
    for path in fixed:
        check_sweepable(path, name)
    return with_changes(params, name, fixed) if fixed else params


def value_at(params: Params, name: str, path: str) -> Any:
    """The value at a path of experiment ``name``, defaults included; None if there is none."""
    value: Any = params.experiment(name).model_dump(mode="json", by_alias=True)
    for key in path.split("."):
        try:
            value = value[int(key) if isinstance(value, list) else key]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return value


def without(settings: dict[str, Any], paths: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of an experiment's settings without the values at ``paths``."""
    return _prune(settings, {tuple(path.split(".")) for path in paths})


def check_sweepable(path: str, name: str) -> None:
    """Raise an error unless a trial can change ``path``.

    Raises:
        HumotionError: it belongs to an earlier stage, or decides which clips compare the trials.
    """
    if path.split(".")[0] not in SWEPT and not is_reading(path):
        raise HumotionError(
            f"sweeps.{name}, {path}: a sweep can change {', '.join((*SWEPT, READING))} of an experiment. Earlier "
            "stages decide which clips there are, and trials on different validation clips cannot be compared. For "
            f"this parameter, use `dvc exp run -S experiments.{name}.{path}=...`."
        )


def is_reading(path: str) -> bool:
    """Return whether a path in an experiment says how the outputs of a trained model are read."""
    return path == READING or path.startswith(f"{READING}.")


def _set(experiment: dict[str, Any], path: str, value: Scalar, name: str) -> None:
    *parents, last = path.split(".")
    target: Any = experiment
    try:
        for key in parents:
            if isinstance(target, dict) and target.get(key) is None:  # a section that is absent or null, so it is off
                target[key] = {}
            target = target[int(key) if isinstance(target, list) else key]
        target[int(last) if isinstance(target, list) else last] = value
    except (IndexError, TypeError, ValueError, AttributeError):
        raise HumotionError(f"sweeps.{name}, {path}: experiments.{name} has no such parameter.") from None


def _prune(value: Any, paths: set[tuple[str, ...]]) -> Any:
    if isinstance(value, Mapping):
        items = {str(key): item for key, item in value.items()}
    elif isinstance(value, list):
        items = {str(index): item for index, item in enumerate(value)}
    else:
        return value
    return {
        key: _prune(item, {path[1:] for path in paths if path[0] == key and len(path) > 1})
        for key, item in items.items()
        if (key,) not in paths
    }

"""The search space in ``sweeps.<experiment>.space``: suggestions from it, and its check before the first trial."""

from __future__ import annotations

from collections.abc import Mapping

from optuna.trial import Trial

from humotion.clips.plan import compile_policy
from humotion.errors import HumotionError
from humotion.params.document import Params
from humotion.params.sweep import CategoricalParams, FloatParams, IntParams, Scalar
from humotion.sweep.changes import check_sweepable, value_at, with_changes

Range = FloatParams | IntParams | CategoricalParams


class Space:
    """The search space of an experiment.

    Args:
        name: the experiment.
        params: all of params.yaml; values that are not searched come from here.

    Raises:
        HumotionError: params.yaml cannot have a path or bound, or a condition is never true or part of a circle.
    """

    def __init__(self, name: str, params: Params) -> None:
        self.name = name
        self.params = params
        self.ranges = _in_order(name, params.sweep(name).space)
        self._check()

    def suggest(self, trial: Trial) -> dict[str, Scalar]:
        """The values of a trial, by path; without the parameters whose condition is false."""
        values: dict[str, Scalar] = {}
        for path, bounds in self.ranges.items():
            if self._holds(bounds.when, values):
                values[path] = _suggest(trial, path, bounds)
        return values

    def _holds(self, when: Mapping[str, Scalar], values: Mapping[str, Scalar]) -> bool:
        return all(self._value(path, values) == value for path, value in when.items())

    def _value(self, path: str, values: Mapping[str, Scalar]) -> Scalar:
        # A parameter that is searched, but not in this trial, has no value for a condition.
        return values.get(path) if path in self.ranges else value_at(self.params, self.name, path)

    def _check(self) -> None:
        """Validate the experiment with every end of every range, under the conditions of that range."""
        conditions: dict[str, dict[str, Scalar]] = {}
        for path, bounds in self.ranges.items():
            check_sweepable(path, self.name)
            conditions[path] = {key: value for met in bounds.when for key, value in conditions.get(met, {}).items()}
            conditions[path] |= bounds.when
            if unmet := [key for key in bounds.when if key not in self.ranges and not self._holds(bounds.when, {})]:
                raise HumotionError(
                    f"sweeps.{self.name}.space.{path}.when is never true: {unmet[0]} is not searched, and is "
                    f"{value_at(self.params, self.name, unmet[0])!r}."
                )
            for value in _ends(bounds):
                changed = with_changes(self.params, self.name, {**conditions[path], path: value})
                if path.startswith("augment."):
                    compile_policy(changed.experiment(self.name))


def _in_order(name: str, space: Mapping[str, Range]) -> dict[str, Range]:
    """The ranges in an order in which each comes after the ranges of its condition."""
    ordered: dict[str, Range] = {}
    while len(ordered) < len(space):
        ready = {
            path: bounds
            for path, bounds in space.items()
            if path not in ordered and all(key in ordered or key not in space for key in bounds.when)
        }
        if not ready:
            circle = ", ".join(path for path in space if path not in ordered)
            raise HumotionError(f"sweeps.{name}.space: the conditions of {circle} depend on each other in a circle.")
        ordered |= ready
    return ordered


def _ends(bounds: Range) -> tuple[Scalar, ...]:
    return bounds.choices if isinstance(bounds, CategoricalParams) else (bounds.low, bounds.high)


def _suggest(trial: Trial, path: str, bounds: Range) -> Scalar:
    if isinstance(bounds, CategoricalParams):
        chosen: Scalar = trial.suggest_categorical(path, bounds.choices)
        return chosen
    if isinstance(bounds, IntParams):
        return trial.suggest_int(path, bounds.low, bounds.high, step=bounds.step or 1, log=bounds.log)
    return trial.suggest_float(path, bounds.low, bounds.high, step=bounds.step, log=bounds.log)

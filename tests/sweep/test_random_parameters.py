"""Which parameters a sampler draws at random without a word: what we say is what Optuna does."""

from __future__ import annotations

import optuna
import pytest

from humotion.params.sweep import CategoricalParams, FloatParams, IntParams, SamplerParams
from humotion.sweep.space import _suggest
from humotion.sweep.study import drawn_at_random, make_sampler

SPACE = {
    "lr": FloatParams(type="float", low=1e-4, high=1e-1, log=True),
    "depth": IntParams(type="int", low=1, high=9),
    "name": CategoricalParams(type="categorical", choices=("a", "b")),
    "momentum": FloatParams(type="float", low=0.1, high=0.9, when={"name": "b"}),
}


def objective(trial: optuna.Trial, space: dict) -> float:
    values = {}
    for path, bounds in space.items():
        if all(values.get(key) == value for key, value in bounds.when.items()):
            values[path] = _suggest(trial, path, bounds)
    return values.get("lr", 0.0) + trial.number % 3


@pytest.mark.parametrize("sampler", ["cmaes", "gp", "tpe", "random"])
def test_what_is_said_to_be_random_is_what_optuna_does_not_model(sampler: str) -> None:
    params = SamplerParams(name=sampler, startup_trials=2)
    study = optuna.create_study()
    study.sampler = optuna.samplers.RandomSampler(seed=1)
    study.optimize(lambda trial: objective(trial, SPACE), n_trials=8)
    assert {len(trial.params) for trial in study.trials} == {3, 4}  # with and without the conditional one
    modelled = set(make_sampler(params, 9).infer_relative_search_space(study, study.trials[-1]))
    expected = {"cmaes": ["name", "momentum"], "gp": ["momentum"]}.get(sampler, [])
    assert drawn_at_random(params, SPACE) == expected
    if expected:
        assert modelled == set(SPACE) - set(expected)

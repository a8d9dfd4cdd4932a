"""The search space: suggestions, conditions, and mistakes that are told before the first trial."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from pydantic import ValidationError

from humotion.errors import HumotionError
from humotion.params.sweep import SweepParams
from humotion.sweep.changes import value_at, with_changes, without
from humotion.sweep.space import Space
from tests.sweep.conftest import swept


def space(**ranges: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {path.replace("__", "."): bounds for path, bounds in ranges.items()}


MOMENTUM = {"type": "float", "low": 0.5, "high": 0.9, "when": {"optimizer.name": "sgd"}}
OPTIMIZER = {"type": "categorical", "choices": ["adamw", "sgd"]}


def test_suggestions_stay_in_their_ranges_and_conditions() -> None:
    # The condition's parameter stands below the conditional one: order in the file does not matter.
    ranges = space(
        optimizer__momentum=MOMENTUM,
        optimizer__name=OPTIMIZER,
        optimizer__lr={"type": "float", "low": 1e-5, "high": 1e-2, "log": True},
        trainer__batch_size={"type": "int", "low": 2, "high": 6, "step": 2},
        augment__policy__0__p={"type": "float", "low": 0.0, "high": 1.0, "step": 0.25},
    )
    searched = Space("action", swept(space=ranges))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    trials = [searched.suggest(study.ask()) for _ in range(40)]
    assert {trial["optimizer.name"] for trial in trials} == {"adamw", "sgd"}
    assert all(("optimizer.momentum" in trial) == (trial["optimizer.name"] == "sgd") for trial in trials)
    assert {trial["trainer.batch_size"] for trial in trials} == {2, 4, 6}
    assert {trial["augment.policy.0.p"] for trial in trials} == {0.0, 0.25, 0.5, 0.75, 1.0}
    rates = [float(trial["optimizer.lr"]) for trial in trials]  # type: ignore[arg-type]
    assert min(rates) < 1e-4 and max(rates) > 1e-3 and min(rates) >= 1e-5 and max(rates) <= 1e-2


def test_changes_are_what_params_yaml_would_hold() -> None:
    params = swept()
    changed = with_changes(params, "action", {"optimizer.lr": 0.5, "augment.policy.0.p": 0.25, "model.drop_path": 0.2})
    experiment = changed.experiment("action")
    assert (experiment.optimizer.lr, experiment.augment.policy[0].arguments()) == (0.5, {"p": 0.25})
    assert value_at(changed, "action", "model.drop_path") == 0.2
    assert value_at(params, "action", "optimizer.momentum") == 0.9  # a default
    assert changed.experiment("pose") == params.experiment("pose")


def test_a_change_reaches_into_a_section_that_is_null() -> None:
    params = with_changes(swept(), "action", {"trainer.early_stopping": None})
    for base in (swept(), params):
        stopping = with_changes(base, "action", {"trainer.early_stopping.patience": 3}).experiment("action").trainer
        assert stopping.early_stopping is not None and stopping.early_stopping.patience == 3
    with pytest.raises(HumotionError, match=r"trainer\.ema"):
        with_changes(params, "action", {"trainer.ema": None, "trainer.ema.decay": 0.9})


def test_without() -> None:
    settings = {"seed": 1, "augment": {"policy": [{"p": 1}, {"p": 2, "name": "x"}]}, "model": {"dim": 3}}
    left = without(settings, {"augment.policy.1.p": None, "model.dim": None, "seed": None})
    assert left == {"augment": {"policy": {"0": {"p": 1}, "1": {"name": "x"}}}, "model": {}}


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        (space(optimizer__lrr={"type": "float", "low": 0, "high": 1}), "optimizer.lrr: unknown key"),
        (
            space(optimizer__lr={"type": "float", "low": -1.0, "high": 1}),
            "optimizer.lr: Input should be greater",
        ),
        (space(model__drop_path={"type": "float", "low": 0.0, "high": 1.0}), "model.drop_path: Input should be less"),
        (space(optimizer__name={"type": "categorical", "choices": ["adamw", "lion"]}), "With optimizer.name=lion"),
        (space(clips__num_frames={"type": "int", "low": 2, "high": 4}), "dvc exp run -S experiments.action.clips"),
        (space(augment__policy__7__p={"type": "float", "low": 0, "high": 1}), "augment.policy.7.p"),
        (space(augment__policy__0__q={"type": "float", "low": 0, "high": 1}), "HorizontalFlip cannot be built"),
        (space(optimizer__momentum=MOMENTUM), "when is never true: optimizer.name is not searched, and is 'adamw'"),
        (
            space(
                optimizer__lr={"type": "float", "low": 0.1, "high": 1, "when": {"optimizer.weight_decay": 0.1}},
                optimizer__weight_decay={"type": "float", "low": 0.1, "high": 1, "when": {"optimizer.lr": 0.1}},
            ),
            "depend on each other in a circle",
        ),
    ],
)
def test_mistakes_are_told_before_the_first_trial(ranges: dict[str, Any], words: str) -> None:
    with pytest.raises(HumotionError) as caught:
        Space("action", swept(space=ranges))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"space": {}},
        {"space": {"seed": {"type": "int", "low": 3, "high": 1}}},
        {"space": {"seed": {"type": "float", "low": 0.0, "high": 1.0, "log": True}}},
        {"space": {"seed": {"type": "categorical", "choices": []}}},
        {"objectives": [{"metric": "val/top1"}, {"metric": "cost/latency_ms"}], "pruner": {"name": "median"}},
        {"objectives": [{"metric": "test/top1"}]},
        {"objectives": [{"metric": "cost/parameters"}], "pruner": {"name": "hyperband"}},
        {"sampler": {"name": "grid"}},
    ],
)
def test_a_sweep_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SweepParams.model_validate({"space": {"seed": {"type": "int", "low": 0, "high": 9}}, **settings})


def test_times_are_readable() -> None:
    ranges = {"seed": {"type": "int", "low": 0, "high": 9}}
    seconds = [
        SweepParams.model_validate({"timeout": text, "space": ranges}).timeout for text in (90, "00:01:30", "PT90S")
    ]
    assert [limit.total_seconds() for limit in seconds if limit] == [90, 90, 90]


def test_an_experiment_without_a_sweep() -> None:
    with pytest.raises(HumotionError, match="has no sweep 'pose'"):
        swept().sweep("pose")

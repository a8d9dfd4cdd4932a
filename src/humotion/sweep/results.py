"""The results of a sweep: a table of trials, the best trials with their parameters, and counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from humotion.files import atomic_folder, write_json
from humotion.sweep.plots import write_plots
from humotion.sweep.study import Sweep, counted, retried

TRIALS, BEST = "trials.csv", "best.json"


def write_results(folder: Path, sweep: Sweep, study: Study) -> None:
    """Write ``trials.csv``, ``best.json``, ``plots.html`` and one PNG per plot, in one atomic step."""
    with atomic_folder(folder) as temporary:
        trials_table(sweep, study).to_csv(temporary / TRIALS, index=False)
        write_json(temporary / BEST, best(sweep, study))
        write_plots(temporary, sweep, study)


def trials_table(sweep: Sweep, study: Study) -> pd.DataFrame:
    """One row per trial: number, state, objectives, parameters by path, epochs, the trial it retries, error."""
    trials = study.get_trials()
    again = retried(trials)
    paths = list(sweep.settings.space)
    return pd.DataFrame([_row(sweep, trial, paths, trial.number in again) for trial in trials])


def best(sweep: Sweep, study: Study) -> dict[str, Any]:
    """The study and its best trial; with several objectives, the trials of the Pareto front."""
    complete = study.get_trials(states=(TrialState.COMPLETE,))
    chosen = study.best_trials if len(sweep.objectives) > 1 else [study.best_trial] if complete else []
    return {
        "experiment": sweep.name,
        "study": sweep.study_name,
        "objectives": [goal.model_dump() for goal in sweep.objectives],
        "counts": counts(study),
        "best": [_summary(sweep, trial) for trial in chosen],
    }


def counts(study: Study) -> dict[str, int]:
    """How the trials ended; for a trial that was retried, the last attempt counts, and the others are ``retried``."""
    trials = study.get_trials(deepcopy=False)
    states = [trial.state for trial in counted(trials)]
    named = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    return {**{name: states.count(state) for name, state in named.items()}, "retried": len(trials) - len(states)}


def best_values(sweep: Sweep, study: Study) -> dict[str, float]:
    """The best value of each objective, as metrics for the run of the sweep."""
    complete = [trial.values for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
    if not complete:
        return {}
    columns = zip(sweep.objectives, zip(*complete, strict=True), strict=True)
    return {
        f"best_{goal.metric}": max(values) if goal.direction == "maximize" else min(values) for goal, values in columns
    }


def _row(sweep: Sweep, trial: FrozenTrial, paths: list[str], again: bool) -> dict[str, Any]:
    values: list[Any] = list(trial.values or []) or [None] * len(sweep.objectives)
    facts = trial.user_attrs
    return {
        "number": trial.number,
        "state": "retried" if again else "failed" if trial.state == TrialState.FAIL else trial.state.name.lower(),
        **{goal.metric: value for goal, value in zip(sweep.objectives, values, strict=True)},
        **{path: trial.params.get(path) for path in paths},
        "epochs": facts.get("epochs"),
        "epochs_resumed": facts.get("epochs_resumed"),
        "best_epoch": facts.get("best_epoch"),
        "seconds": facts.get("seconds"),
        "retry_of": RetryHeartbeatStaleTrialCallback.retried_trial_number(trial),
        "run_id": facts.get("run_id"),
        "error": facts.get("error"),
    }


def _summary(sweep: Sweep, trial: FrozenTrial) -> dict[str, Any]:
    goals = zip(sweep.objectives, trial.values, strict=True)
    return {
        "trial": trial.number,
        "values": {goal.metric: value for goal, value in goals},
        "params": trial.params,
        "run_id": trial.user_attrs.get("run_id"),
    }

"""`humotion sweep EXPERIMENT`: create or resume the study, train its trials, and write the results."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.study import Study
from optuna.trial import TrialState

from humotion.errors import HumotionError
from humotion.params.document import Params
from humotion.sweep.changes import trial_params
from humotion.sweep.pool import run_workers
from humotion.sweep.ranks import join_ranks
from humotion.sweep.results import best, best_values, counts, write_results
from humotion.sweep.space import Space
from humotion.sweep.stop import WorkerStop
from humotion.sweep.storage import Storage
from humotion.sweep.study import Sweep, counted, drawn_at_random, input_md5
from humotion.sweep.worker import Worker, follow
from humotion.tracking import runs, sweeps
from humotion.training.devices import check_devices


def run_sweep(name: str, params: Params, storage: Storage, workers: int, folder: Path) -> None:
    """Search the parameters of experiment ``name``, and write the results to ``folder``.

    A second call resumes the study. A call on another machine with the same storage joins it.

    Raises:
        HumotionError: there is no such sweep, its parameters cannot be searched, the stages before have not run, or the
            user stopped it.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sweep = Sweep(name, trial_params(name, params), storage)
    Space(name, sweep.params)  # finds all mistakes of the search space before a trial starts
    check_devices(params.machine)  # every trial would fail
    deadline = _deadline(sweep)
    ranks = join_ranks(params.machine)
    if ranks.rank > 0:
        follow(sweep, ranks)
        return
    study = sweep.create()
    print(f"study {sweep.study_name} in {storage.shown}: {_trial_counts(study)}")
    if chance := drawn_at_random(sweep.settings.sampler, sweep.settings.space):
        print(
            f"sampler {sweep.settings.sampler.name} cannot model these parameters, drawn at random: {', '.join(chance)}"
        )
    with _tracked(sweep) as parent:
        if ranks.world_size > 1:
            Worker(sweep, parent, deadline, WorkerStop(), ranks).run()
        else:
            run_workers(sweep, parent, deadline, workers)
    _finish(sweep, study, parent, folder)


def _deadline(sweep: Sweep) -> float:
    limit = sweep.settings.timeout
    return math.inf if limit is None else time.time() + limit.total_seconds()


@contextmanager
def _tracked(sweep: Sweep) -> Iterator[str]:
    """The sweep's run in MLflow."""
    experiment, settings = sweep.experiment, sweep.settings.model_dump(mode="json", exclude_none=True)
    uri = sweep.params.machine.tracking_uri
    where = runs.experiment_name(experiment.task, experiment.dataset)
    source = runs.RunSource(where, sweep.name, {"sweep": settings}, input_md5(sweep.name, experiment))
    with sweep.storage.locked():
        parent = sweeps.sweep_run(source, sweep.study_name, {"optuna.storage": sweep.storage.shown}, uri)
    try:
        yield parent
    except KeyboardInterrupt:
        sweeps.interrupt_sweep(parent, uri)
        raise HumotionError(
            "Stopped. The same command resumes the sweep, and unfinished trials resume from their checkpoints."
        ) from None
    except BaseException:
        sweeps.interrupt_sweep(parent, uri)
        raise


def _finish(sweep: Sweep, study: Study, parent: str, folder: Path) -> None:
    """Write, log and print the results."""
    uri = sweep.params.machine.tracking_uri
    failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    sweeps.end_abandoned([trial.user_attrs["run_id"] for trial in failed if "run_id" in trial.user_attrs], uri)
    with sweep.storage.locked():  # two processes may finish one sweep in the same checkout, and replace the folder
        write_results(folder, sweep, study)
        numbers = {f"trials/{state}": float(number) for state, number in counts(study).items()}
        with sweeps.finishing_sweep(parent, uri):
            sweeps.log_sweep(folder, numbers | best_values(sweep, study), {})
    print(f"{_trial_counts(study)}; see {folder}/")
    if (done := len(counted(study.get_trials(deepcopy=False)))) < sweep.settings.trials:
        print(f"only {done} of {sweep.settings.trials} trials: sweeps.{sweep.name}.timeout ended the sweep")
    for trial in best(sweep, study)["best"]:
        values = ", ".join(f"{metric} {value:.4g}" for metric, value in trial["values"].items())
        print(f"best: trial {trial['trial']}, {values}; `humotion sweep apply {sweep.name}` writes it to params.yaml")


def _trial_counts(study: Study) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts(study).items())

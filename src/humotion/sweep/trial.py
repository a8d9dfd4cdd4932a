"""One trial: one training of the experiment with the suggested changes, tracked as a child of the sweep's run.

A trial that is tried again finds the checkpoints of earlier attempts in a folder with the number of the first attempt.
The training resumes from there.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import Trial
from pytorch_lightning import Callback

from humotion.clips.datamodule import ClipDataModule
from humotion.clips.plan import write_plan
from humotion.errors import HumotionError
from humotion.params.document import Params
from humotion.params.sweep import COSTS, Scalar
from humotion.sweep.changes import with_changes
from humotion.sweep.objectives import UnknownMetricError, objective_values
from humotion.sweep.ranks import Ranks
from humotion.sweep.reading import score
from humotion.sweep.report import ReportEpochs
from humotion.sweep.space import Space
from humotion.sweep.stop import WorkerStop
from humotion.sweep.study import Sweep, input_md5
from humotion.tracking import runs, sweeps
from humotion.tracking.address import experiment_name
from humotion.tracking.lightning import lightning_logger
from humotion.training.description import clip_files, training_settings
from humotion.training.finite import TrainingDivergedError
from humotion.training.fit import FitResult, fit
from humotion.training.prepare import prepare
from humotion.training.stop import StopAfterBatch
from humotion.training.task import Task
from humotion.work import digest_of_code, work_folder

MAX_TEXT = 2000
HELD = 15  # seconds to wait for the folder of a dead process: its loaders may live a little longer


class TrialFailed(Exception):
    """A trial failed, and the study continues; the error is in the attributes of the trial."""


class RankLostError(HumotionError):
    """One of several ranks failed during a trial: the others wait for it and cannot continue."""


class TrialRunner:
    """Optuna's objective.

    Args:
        sweep: the sweep.
        parent: id of its MLflow run.
        ranks: the processes that train a trial together.
        stop: knows whether the worker should stop.

    Attributes:
        on_start: called when the trial has its parameters.
        number: of the current trial.
    """

    on_start: Callable[[], None]
    number: int | None = None

    def __init__(self, sweep: Sweep, parent: str, ranks: Ranks, stop: WorkerStop) -> None:
        self.sweep = sweep
        self.stop = stop
        self.parent = parent
        self.ranks = ranks
        self.space = Space(sweep.name, sweep.params)
        self._together = False

    def __call__(self, trial: Trial) -> list[float]:
        """Train, and return the values of the objectives.

        Raises:
            TrialPruned: the pruner stopped the trial.
            TrialFailed: this trial raised an error, for example out of memory.
            RankLostError: this trial raised an error while other ranks trained it, too.
            UnknownMetricError: the same error would happen in every trial.
            KeyboardInterrupt: the user or the cluster stops the sweep.
        """
        self.number, self._together = trial.number, False
        trial.set_user_attr("worker", f"{socket.gethostname()}:{os.getpid()}")
        changes = self.space.suggest(trial)
        self.on_start()
        try:
            return self._read(trial, changes) if self.sweep.reads else self._train(trial, changes)
        except (optuna.TrialPruned, UnknownMetricError, KeyboardInterrupt):
            raise
        except Exception as error:
            _note_error(trial, error)
            if self._together and not isinstance(error, TrainingDivergedError):
                raise RankLostError(f"Trial {trial.number} failed while several ranks trained it: {error}") from error
            raise TrialFailed(str(error)) from error

    def _train(self, trial: Trial, changes: dict[str, Scalar]) -> list[float]:
        started = time.perf_counter()
        params = with_changes(self.sweep.params, self.sweep.name, changes)
        with trial_folder(self.sweep, trial) as folder:
            resumed = (folder / "last.ckpt").exists()
            before = trial.user_attrs.get("run_id") if resumed else None
            with self._run(params, trial, changes, before):
                experiment = params.experiment(self.sweep.name)
                self.ranks.share(("train", changes, str(folder)))
                report = ReportEpochs(trial, self.sweep.reported)
                logger = lightning_logger()
                self._together = self.ranks.world_size > 1
                result, task, data = train(self.sweep.name, params, folder, report, logger, StopAfterBatch(self.stop))
                self._together = False
                trial.set_user_attr("epochs", len(result.epochs))
                trial.set_user_attr("epochs_resumed", len(result.epochs) - report.seen)
                if report.pruned:
                    self._note_time(trial, started)
                    raise optuna.TrialPruned(f"after {len(result.epochs)} of {experiment.trainer.epochs} epochs")
                return self._noted(trial, started, result, task, data)

    def _read(self, trial: Trial, changes: dict[str, Scalar]) -> list[float]:
        """Score the trained model, whose outputs are read in another way."""
        started = time.perf_counter()
        params = with_changes(self.sweep.params, self.sweep.name, changes)
        with self._run(params, trial, changes, None):
            return self._noted(trial, started, *score(self.sweep.name, params))

    def _noted(self, trial: Trial, started: float, result: FitResult, task: Task, data: ClipDataModule) -> list[float]:
        """Return the values of the objectives, which are logged with the metrics of the chosen epoch."""
        self._note_time(trial, started)
        runs.log_metrics({"best_epoch": result.best_epoch})
        trial.set_user_attr("best_epoch", result.best_epoch)
        values = objective_values(self.sweep.objectives, result, task, data)
        chosen = {key: value for key, value in result.best.items() if key.startswith("val/")}
        runs.log_metrics({f"best_{key}": value for key, value in chosen.items()})
        named = zip(self.sweep.objectives, values, strict=True)
        runs.log_metrics({goal.metric: value for goal, value in named if goal.metric in COSTS})
        return values

    @staticmethod
    def _note_time(trial: Trial, started: float) -> None:
        seconds = time.perf_counter() - started
        trial.set_user_attr("seconds", round(seconds, 2))
        runs.log_metrics({"time/train_seconds": seconds})

    @contextmanager
    def _run(self, params: Params, trial: Trial, changes: Mapping[str, Scalar], before: str | None) -> Iterator[str]:
        """The MLflow run of the trial; ``before`` is the run of the attempt that it resumes."""
        name = self.sweep.name
        experiment = params.experiment(name)
        settings = training_settings(experiment)
        where = experiment_name(experiment.task, experiment.dataset)
        source = runs.RunSource(where, name, settings, input_md5(name, experiment), clips=clip_files(name))
        uri = params.machine.tracking_uri
        with runs.training_run(source, None, uri, parent=self.parent, stopped_by=(optuna.TrialPruned,)) as run_id:
            trial.set_user_attr("run_id", run_id)
            runs.set_tags(_tags(self.sweep, trial, changes))
            if before is not None:
                sweeps.copy_curves(before, uri)
            with _state():
                yield run_id


def train(
    name: str, params: Params, folder: Path, report: ReportEpochs, logger: Any, *more: Callback
) -> tuple[Any, Any, Any]:
    """Train the changed experiment, from a checkpoint in ``folder`` if there is one; return result, task and clips."""
    task, data = prepare(name, params)
    data.plan_folder = folder / "plan"
    if report.trial is not None:
        # The same as in the augment stage, so that a trial may change augmentation, balance and seed.
        data.plan_folder.mkdir(exist_ok=True)
        write_plan(data.plan_folder, data.experiment, data.clips("train"))
    settings = data.experiment.trainer, params.machine
    seed, callbacks = data.experiment.seed, (report, *more)
    result = fit(task, data, *settings, seed=seed, folder=folder, logger=logger, callbacks=callbacks)
    return result, task, data


@contextmanager
def trial_folder(sweep: Sweep, trial: Trial) -> Iterator[Path]:
    """The folder of a trial's unfinished work: that of its first attempt, unless the process of that attempt is alive.

    Work by other code is not resumed. The folder is removed when the trial has ended, but not when it was interrupted.
    """
    frozen = trial.study.get_trials(deepcopy=False)[trial.number]
    first = RetryHeartbeatStaleTrialCallback.retried_trial_number(frozen)
    parent = work_folder("sweep", sweep.study_name)
    code = digest_of_code("train", chosen=training_settings(sweep.experiment))
    folder = parent / f"trial-{trial.number if first is None else first:04d}-{code}"
    lock = FileLock(f"{folder}.lock")
    try:
        lock.acquire(timeout=HELD)
    except Timeout:
        folder = parent / f"{folder.name}-again-as-{trial.number:04d}"
    folder.mkdir(exist_ok=True)
    try:
        yield folder
        shutil.rmtree(folder)
    except UpdateFinishedTrialError:  # the trial counted as dead, so another attempt resumes from here
        raise
    except Exception:
        shutil.rmtree(folder)
        raise
    finally:
        lock.release()


def _tags(sweep: Sweep, trial: Trial, changes: Mapping[str, Scalar]) -> dict[str, str]:
    frozen = trial.study.get_trials(deepcopy=False)[trial.number]
    first = RetryHeartbeatStaleTrialCallback.retried_trial_number(frozen)
    tags = {
        "mlflow.runName": f"{sweep.name} trial {trial.number}",
        "kind": "trial",
        sweeps.STUDY: sweep.study_name,
        "optuna.trial": str(trial.number),
        **{f"optuna.param.{path}": str(value) for path, value in changes.items()},
    }
    return tags if first is None else tags | {"optuna.retry_of": str(first)}


@contextmanager
def _state() -> Iterator[None]:
    """Tag the open run with the way its trial ended: pruned is not failed."""
    state = "fail"
    try:
        yield
        state = "complete"
    except optuna.TrialPruned:
        state = "pruned"
        raise
    except KeyboardInterrupt:
        state = "interrupted"
        raise
    finally:
        runs.set_tags({"optuna.state": state})


def _note_error(trial: Trial, error: Exception) -> None:
    text = f"{type(error).__name__}: {error}"
    trial.set_user_attr("error", text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}...")

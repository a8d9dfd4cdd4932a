"""One worker of a sweep: it takes a trial, trains it, and takes the next, until the study has all trials.

Workers take trials under the lock of the storage, so that workers on several machines never take too many. A worker
without a trial waits while others train: if one of them dies, its trial must be trained again.
"""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from humotion.sweep.changes import with_changes
from humotion.sweep.ranks import ALONE, Ranks
from humotion.sweep.report import ReportEpochs
from humotion.sweep.stop import WorkerStop
from humotion.sweep.study import Sweep, counted, make_sampler, try_again
from humotion.sweep.trial import TrialFailed, TrialRunner, train
from humotion.training.finite import TrainingDivergedError

POLL = 2.0  # seconds between two checks of a study in which others train

logger = logging.getLogger(__name__)


class Worker:
    """Works on a study.

    Args:
        sweep: the sweep.
        parent: id of its MLflow run.
        deadline: Unix time in seconds; no trial starts after it.
        stop: knows whether the worker should stop.
        ranks: the processes that train a trial together.
    """

    def __init__(
        self,
        sweep: Sweep,
        parent: str,
        deadline: float,
        stop: WorkerStop,
        ranks: Ranks = ALONE,
    ) -> None:
        self.sweep = sweep
        self.deadline = deadline
        self.stop = stop
        self.ranks = ranks
        self.study = sweep.load()
        self.runner = TrialRunner(sweep, parent, ranks, stop)

    def run(self) -> None:
        """Work until the study has all trials, or the deadline has passed.

        Raises:
            KeyboardInterrupt: the sweep was stopped; the current trial is queued again.
            HumotionError: the sweep asks for a value that no trial has.
        """
        while not self.stop.no_more_trials and time.time() < self.deadline:
            if self._take_trial():
                continue
            if not self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                break
            self.ranks.share(("wait",))  # a sign of life for the ranks that wait for rank 0
            time.sleep(POLL)
        self.ranks.share(("end",))
        self.stop.check()

    def _take_trial(self) -> bool:
        """Train one trial; False if there is none to take now."""
        with ExitStack() as claim:
            claim.enter_context(self.sweep.storage.locked())
            self._bury_the_dead()
            trials = self.study.get_trials(deepcopy=False)
            waiting = any(trial.state == TrialState.WAITING for trial in trials)
            if not waiting and len(counted(trials)) >= self.sweep.settings.trials:
                return False
            self.study.sampler = make_sampler(self.sweep.settings.sampler, len(trials))
            self.runner.on_start = claim.close
            self._optimize()
        return True

    def _optimize(self) -> None:
        self.runner.number = None
        try:
            self.study.optimize(self.runner, n_trials=1, catch=(TrialFailed,), gc_after_trial=True)
        except KeyboardInterrupt:
            if (mine := self._mine()) is not None and mine.state == TrialState.FAIL:
                try_again(self.study, mine)
            raise
        except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
            mine = self._mine()
            if mine is None or mine.state != TrialState.FAIL:
                raise
            logger.warning("Trial %d counted as dead. Another worker tries it again.", mine.number)

    def _mine(self) -> FrozenTrial | None:
        """The trial that this worker took last."""
        number = self.runner.number
        return None if number is None else self.study.get_trials()[number]

    def _bury_the_dead(self) -> None:
        """Mark the trials whose process died as failed, and queue them again."""
        optuna.storages.fail_stale_trials(self.study)
        # Optuna looks for missing heartbeats, but a process may die before the first heartbeat of its trial.
        long_ago = datetime.now(UTC) - timedelta(seconds=self.sweep.storage.grace)
        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):
            started = trial.datetime_start
            if "worker" not in trial.user_attrs and started is not None and _utc(started) < long_ago:
                self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
                try_again(self.study, trial)


def follow(sweep: Sweep, ranks: Ranks) -> None:
    """Run in ranks other than 0: train what rank 0 sends, until rank 0 sends the end."""
    while (message := ranks.share())[0] != "end":
        if message[0] == "train":
            _, changes, folder = message
            params = with_changes(sweep.params, sweep.name, changes)
            with suppress(TrainingDivergedError):  # rank 0 found the same, and notes it
                train(sweep.name, params, Path(folder), ReportEpochs(None, sweep.reported), logger=False)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

"""The output while a sweep runs: a progress bar over the trials, and one line per finished trial."""

from __future__ import annotations

from types import TracebackType

from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState
from tqdm import tqdm

from humotion.sweep.study import FINAL, Sweep, counted, retried


class Progress:
    """A progress bar that reads the study, so it also counts the trials of other machines."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.study = sweep.load()
        trials = self.study.get_trials(deepcopy=False)
        self.shown: dict[str, str] = {}
        self.told = {trial.number for trial in trials if trial.state in FINAL}
        self.bar = tqdm(total=max(sweep.settings.trials, len(counted(trials))), desc="trials", unit="trial")

    def __enter__(self) -> Progress:
        self.update()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.update()
        self.bar.close()

    def update(self) -> None:
        """Read the study and print what is new."""
        trials = self.study.get_trials(deepcopy=False)
        again = retried(trials)
        for trial in trials:
            if trial.state in FINAL and trial.number not in self.told:
                self.told.add(trial.number)
                self.write(self._describe(trial, trial.number in again))
        states = [trial.state for trial in counted(trials)]
        words = {"running": TrialState.RUNNING, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
        shown = {word: str(states.count(state)) for word, state in words.items()} | self._best()
        done = sum(state in FINAL for state in states)
        if (done, shown) != (self.bar.n, self.shown):
            self.shown, self.bar.n = shown, done
            self.bar.set_postfix(shown)

    @staticmethod
    def write(text: str) -> None:
        """Print a line above the bar."""
        tqdm.write(text)

    def _best(self) -> dict[str, str]:
        if len(self.sweep.objectives) > 1:
            return {}
        values = [trial.value for trial in self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
        known = [value for value in values if value is not None]
        best = max if self.sweep.objectives[0].direction == "maximize" else min
        return {"best": f"{best(known):.4g}"} if known else {}

    def _describe(self, trial: FrozenTrial, again: bool) -> str:
        first = RetryHeartbeatStaleTrialCallback.retried_trial_number(trial)
        name = f"trial {trial.number}" + ("" if first is None else f" (again, first as trial {first})")
        params = ", ".join(f"{path}={_short(value)}" for path, value in trial.params.items())
        if trial.state == TrialState.COMPLETE:
            goals = zip(self.sweep.objectives, trial.values, strict=True)
            return f"{name}: " + ", ".join(f"{goal.metric} {value:.4g}" for goal, value in goals) + f" ({params})"
        if trial.state == TrialState.PRUNED:
            epochs = trial.user_attrs.get("epochs", "?")
            return f"{name}: pruned after epoch {epochs} ({params})"
        if again:
            return f"{name}: interrupted, will be tried again ({params})"
        return f"{name}: failed: {trial.user_attrs.get('error', 'its process died')} ({params})"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""The same sweep with and without pruning, and with a worker killed in the middle, in one table."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.study import Study
from optuna.trial import TrialState

from humotion.params.document import Params, load_params, validate_params
from humotion.sweep.results import counts
from humotion.sweep.run_sweep import run_sweep
from humotion.sweep.storage import Storage
from humotion.sweep.study import FINAL

DESCRIPTION = """\
Runs sweeps.<experiment> twice with the same seed, in separate databases: with the pruner of params.yaml, and without
a pruner. In the middle of the first sweep, one worker is killed with SIGKILL; its trial must run again.
The stages up to `sample` must have run. With --keep, the databases, outputs and MLflow store stay in that folder.

  python -m benchmarks.sweep_pruning --experiment ls_vit --trials 20 --workers 2
"""


def main() -> None:
    """Parse the command line, run both sweeps, print the table."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", default="ls_vit")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, help="epochs per trial (default: as in params.yaml)")
    parser.add_argument("--pruner", help="the pruner's name (default: as in params.yaml)")
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    options = parser.parse_args()
    with _folder(options.keep) as folder:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
        rows = []
        for label, pruned in (("pruned", True), ("unpruned", False)):
            params = _params(options, pruned)
            storage = Storage(f"sqlite:///{folder / label}.db", heartbeat=2, grace=10)
            rows.append(_row(label, *_measure(options, params, storage, folder / label, kill=pruned)))
    print(_hardware())
    print("| sweep | complete | pruned | failed | killed, retried | epochs trained | minutes | best | trial |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    print("\n".join(rows))


def _params(options: argparse.Namespace, pruned: bool) -> Params:
    raw: dict[str, Any] = load_params().model_dump(mode="json", by_alias=True, exclude_unset=True)
    sweep = raw["sweeps"][options.experiment]
    sweep["trials"] = options.trials
    if options.epochs:
        sweep["fixed"] = {**sweep.get("fixed", {}), "trainer.epochs": options.epochs}
    if options.pruner:
        sweep["pruner"] = {"name": options.pruner}
    if not pruned:
        sweep["pruner"] = {"name": "none"}
    return validate_params(raw, "With these options, the parameters are not valid:")


def _measure(
    options: argparse.Namespace, params: Params, storage: Storage, out: Path, kill: bool
) -> tuple[Study, float, int | None]:
    """Run one sweep in a separate process; return its study, its seconds, and the number of the killed trial."""
    process = multiprocessing.get_context("spawn").Process(
        target=run_sweep, args=(options.experiment, params, storage, options.workers, out)
    )
    started = time.perf_counter()
    process.start()
    killed: list[int] = []
    if kill:
        threading.Thread(target=_kill_one, args=(storage, options.trials // 2, killed), daemon=True).start()
    process.join()
    seconds = time.perf_counter() - started
    if process.exitcode != 0:
        raise SystemExit(f"The sweep ended with exit code {process.exitcode}.")
    name = optuna.get_all_study_names(storage.url)[0]
    return optuna.load_study(study_name=name, storage=storage.url), seconds, killed[0] if killed else None


def _kill_one(storage: Storage, after: int, killed: list[int]) -> None:
    """When ``after`` trials have ended, kill the worker of a running trial that has finished an epoch."""
    while not Path(storage.url.removeprefix("sqlite:///")).exists() or not optuna.get_all_study_names(storage.url):
        time.sleep(1)
    study = optuna.load_study(study_name=optuna.get_all_study_names(storage.url)[0], storage=storage.url)
    while not killed:
        trials = study.get_trials(deepcopy=False)
        if sum(trial.state in FINAL for trial in trials) >= after:
            for trial in trials:
                if trial.state == TrialState.RUNNING and trial.intermediate_values:
                    os.kill(int(trial.user_attrs["worker"].split(":")[1]), signal.SIGKILL)
                    killed.append(trial.number)
                    break
        time.sleep(0.2)


def _row(label: str, study: Study, seconds: float, killed: int | None) -> str:
    number = counts(study)
    trained = sum(
        trial.user_attrs.get("epochs", len(trial.intermediate_values)) - trial.user_attrs.get("epochs_resumed", 0)
        for trial in study.get_trials(deepcopy=False)
    )
    retries = [trial for trial in study.get_trials() if trial.system_attrs.get("failed_trial") == killed]
    again = "none"
    if killed is not None and retries:
        state, resumed = retries[-1].state.name.lower(), retries[-1].user_attrs["epochs_resumed"]
        again = f"{killed}, as {retries[-1].number}: {state}, {resumed} epochs resumed"
    cells = [label, *map(str, (number["complete"], number["pruned"], number["failed"])), again, str(trained)]
    cells += [f"{seconds / 60:.1f}", f"{study.best_value:.4f}", str(study.best_trial.number)]
    return f"| {' | '.join(cells)} |"


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _hardware() -> str:
    return f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores"


if __name__ == "__main__":
    main()

"""Worker processes: one is killed without warning; several meet on PostgreSQL; many open an absent database."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pandas as pd
import pytest
from optuna.trial import FrozenTrial, TrialState

from humotion.sweep.results import counts
from humotion.sweep.stop import WorkerStop
from humotion.sweep.storage import Storage
from humotion.sweep.study import Sweep
from humotion.sweep.worker import Worker
from humotion.tracking.store import connect
from tests.support.repository import REPOSITORY
from tests.sweep.conftest import swept

EPOCHS = 12
PROGRAM = """
import sys
from pathlib import Path
from humotion.sweep.run_sweep import run_sweep
from humotion.sweep.storage import Storage
from tests.sweep.conftest import swept

if __name__ == "__main__":
    url, workers, trials, epochs = sys.argv[1], *map(int, sys.argv[2:])
    run_sweep("action", swept(epochs=epochs, trials=trials), Storage(url, 1, 4), workers, Path("sweeps/action"))
"""


def start(
    project: Path, url: str, workers: int, trials: int, epochs: int, is_background_job: bool = False
) -> subprocess.Popen[str]:
    """`humotion sweep` in a process of its own; as a background job of a shell, it ignores Ctrl-C."""
    program = project / "program.py"
    program.write_text(PROGRAM)
    path = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])
    deaf = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"] if is_background_job else []
    return subprocess.Popen(
        [*deaf, sys.executable, str(program), url, *map(str, (workers, trials, epochs))],
        cwd=project,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, f"{out}\n{err[-4000:]}"
    return out


def running_with_epochs(study: optuna.Study, process: subprocess.Popen[str]) -> FrozenTrial:
    """A trial that has finished three epochs and is under way."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if len(trial.intermediate_values) >= 3:
                return trial
        time.sleep(0.05)
    raise AssertionError("no trial began")


def test_killed_worker(project: Path, storage: Storage) -> None:
    sweep = Sweep("action", swept(epochs=EPOCHS, trials=4), Storage(storage.url, 1, 4))
    study = sweep.create()
    process = start(project, storage.url, workers=2, trials=4, epochs=EPOCHS)
    victim = running_with_epochs(study, process)
    os.kill(int(victim.user_attrs["worker"].split(":")[1]), signal.SIGKILL)
    out = finish(process)

    trials = study.get_trials()
    assert trials[victim.number].state == TrialState.FAIL
    retries = [trial for trial in trials if trial.system_attrs.get("failed_trial") == victim.number]
    assert [trial.state for trial in retries] == [TrialState.COMPLETE]
    retry = retries[0]
    assert retry.params == trials[victim.number].params
    assert retry.user_attrs["epochs_resumed"] >= 2, "it began anew instead of going on"
    assert sorted(retry.intermediate_values) == list(range(EPOCHS))
    assert counts(study) == {"complete": 4, "pruned": 0, "failed": 0, "retried": 1}
    workers = {trial.user_attrs["worker"] for trial in trials}
    assert len(workers) >= 2
    assert "ended by signal 9" in out and "4 complete, 0 pruned, 0 failed, 1 retried" in out

    table = pd.read_csv(project / "sweeps" / "action" / "trials.csv").set_index("number")
    assert table.loc[victim.number, "state"] == "retried"
    assert table.loc[retry.number, "retry_of"] == victim.number
    client = connect()
    killed = client.get_run(victim.user_attrs["run_id"])
    assert (killed.info.status, killed.data.tags["optuna.state"]) == ("FAILED", "fail")
    finished = client.get_run(retry.user_attrs["run_id"])
    assert (finished.info.status, finished.data.tags["optuna.retry_of"]) == ("FINISHED", str(victim.number))
    steps = {metric.step for metric in client.get_metric_history(finished.info.run_id, "train/loss")}
    assert len(steps) == EPOCHS


def test_sigterm_leaves_every_trial_ready_to_go_on(project: Path, storage: Storage) -> None:
    """What a cluster, a process manager, or `kill` sends to a sweep in the background."""
    sweep = Sweep("action", swept(epochs=40, trials=2), storage)
    study = sweep.create()
    process = start(project, storage.url, workers=2, trials=2, epochs=40, is_background_job=True)
    running_with_epochs(study, process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Stopped. The same command resumes" in err
    trials = study.get_trials()
    stopped = [trial.number for trial in trials if trial.state == TrialState.FAIL]
    waiting = [trial for trial in trials if trial.state == TrialState.WAITING]
    assert stopped and sorted(trial.system_attrs["failed_trial"] for trial in waiting) == stopped
    assert len(trials) == 2 * len(stopped), "no trial may be left running"
    for trial in waiting:
        run = connect().get_run(trial.user_attrs["run_id"])
        assert (run.info.status, run.data.tags["optuna.state"]) == ("KILLED", "interrupted")


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[str]:
    """URL of a PostgreSQL server of this test's own, on the loopback interface."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed (pip install 'humotion[postgresql]')")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    programs = os.pathsep.join([os.environ["PATH"], *map(str, found)])
    if shutil.which("initdb", path=programs) is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    user = ["runuser", "-u", "nobody", "--"] if os.getuid() == 0 else []  # the server refuses to run as root
    folder = Path("/tmp") / f"humotion-pg-{os.getpid()}" if user else tmp_path / "pg"
    folder.mkdir()
    if user:
        shutil.chown(folder, "nobody")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        command = [*user, str(shutil.which(program, path=programs)), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=120)

    run("initdb", "-D", str(folder / "data"), "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run("pg_ctl", "-D", str(folder / "data"), "-w", "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql+psycopg://tester:secret@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.thorough
def test_four_workers_on_postgresql(project: Path, postgresql: str) -> None:
    """Two commands, as on two machines, join one study: no trial too many, none twice."""
    assert "secret" not in Storage(postgresql).shown
    sweep = Sweep("action", swept(epochs=1, trials=10), Storage(postgresql, 1, 4))
    processes = [start(project, postgresql, workers=2, trials=10, epochs=1) for _ in range(2)]
    for process in processes:
        finish(process)
    study = sweep.load()
    assert counts(study) == {"complete": 10, "pruned": 0, "failed": 0, "retried": 0}
    assert len(study.get_trials()) == 10
    assert len({trial.params["optimizer.lr"] for trial in study.get_trials()}) == 10
    parents = {connect().get_run(trial.user_attrs["run_id"]).data.tags["mlflow.parentRunId"] for trial in study.trials}
    assert len(parents) == 1, "both commands must report to one parent run"


def create(sweep: Sweep) -> None:
    sweep.create()


def test_many_processes_open_an_absent_database_at_once(project: Path, storage: Storage) -> None:
    sweep = Sweep("action", swept(), storage)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=create, args=(sweep,)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 8
    assert optuna.get_all_study_names(storage.url) == [sweep.study_name]


def test_a_trial_that_died_before_its_first_heartbeat_comes_back(project: Path, storage: Storage) -> None:
    sweep = Sweep("action", swept(trials=1), storage)
    study = sweep.create()
    study.ask()  # what a process that dies right after taking a trial leaves behind
    worker = Worker(sweep, "no run", deadline=0.0, stop=WorkerStop())
    worker._bury_the_dead()
    assert [trial.state for trial in study.get_trials()] == [TrialState.RUNNING], "it may only be slow"
    time.sleep(storage.grace + 0.5)
    worker._bury_the_dead()
    assert [trial.state for trial in study.get_trials()] == [TrialState.FAIL, TrialState.WAITING]

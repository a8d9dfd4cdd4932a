"""Runs that their processes left open: of this machine, of another one, of sweeps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from humotion.system.processes import this_process
from humotion.tracking import runs
from humotion.tracking.dead_runs import ATTEMPT, PARENT, PROCESS, starter_tag
from humotion.tracking.sources import RunSource
from humotion.tracking.store import connect, experiment_id
from humotion.tracking.sweeps import interrupt_sweep, sweep_run

SOURCE = RunSource("action/tiny", "ls_vit", {"seed": 7}, {"plan": "abc"})
ALIVE = this_process()
GONE = replace(ALIVE, start=ALIVE.start - 1)
ELSEWHERE = replace(GONE, host="elsewhere", place="ffffff")


def open_run(**tags: str) -> str:
    client = connect()
    return str(client.create_run(experiment_id(client, "action/tiny"), tags=tags).info.run_id)


def open_run_of(*processes: object, **tags: str) -> str:
    names = [PROCESS] if len(processes) == 1 else [f"{PROCESS}.{number}" for number in range(len(processes))]
    texts = [process.as_text() for process in processes]  # type: ignore[attr-defined]
    return open_run(**dict(zip(names, texts, strict=True)), **tags)


def status(run_id: str) -> str:
    return str(connect().get_run(run_id).info.status)


def test_only_runs_of_dead_processes_are_closed(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = [open_run(), open_run_of(ALIVE), open_run_of(ELSEWHERE), open_run_of(GONE, ALIVE)]
    resumed, abandoned = open_run_of(GONE), open_run_of(ELSEWHERE)
    mine = open_run_of(ALIVE)
    dead = [open_run_of(GONE), open_run_of(GONE, GONE)]
    runs.close_dead_runs(abandoned=[abandoned, mine], but=resumed)
    assert {status(run) for run in (*kept, resumed, mine)} == {"RUNNING"}
    assert {status(run) for run in (*dead, abandoned)} == {"KILLED"}
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3
    for run, process in ((dead[0], GONE), (abandoned, ELSEWHERE)):
        assert str(process) in connect().get_run(run).data.tags["error"]
        assert any(run in line and str(process) in line and "KILLED" in line for line in said)
    runs.close_dead_runs(but=resumed)
    assert not capsys.readouterr().out, "closed once"


def test_a_trial_is_left_to_its_sweep_while_that_is_alive(checkout: Path) -> None:
    sweep = sweep_run(SOURCE, "study", {})
    assert connect().get_run(sweep).data.tags[starter_tag()] == ALIVE.as_text()
    trial = open_run_of(GONE, **{PARENT: sweep})
    orphan = open_run_of(GONE, **{PARENT: open_run_of(GONE)})
    runs.close_dead_runs()
    assert (status(sweep), status(trial), status(orphan)) == ("RUNNING", "RUNNING", "KILLED")
    interrupt_sweep(sweep)
    assert starter_tag() not in connect().get_run(sweep).data.tags
    runs.close_dead_runs()
    assert (status(sweep), status(trial)) == ("KILLED", "KILLED")
    assert sweep_run(SOURCE, "study", {}) == sweep
    assert status(sweep) == "RUNNING"


def tag_and_stop() -> None:
    runs.set_tags({ATTEMPT: "abc"})
    raise KeyboardInterrupt


def lose_the_store(database: Path) -> None:
    connect()._tracking_client.store.engine.dispose()
    database.rename(database.with_name("away.db"))
    database.mkdir()
    raise OSError("no space")


def test_an_interrupted_run_is_found_by_its_attempt(checkout: Path) -> None:
    with runs.training_run(SOURCE):
        runs.set_tags({ATTEMPT: "abc"})
    assert runs.interrupted_run("abc") is None, "a finished run is not continued"
    with pytest.raises(KeyboardInterrupt), runs.training_run(SOURCE) as run:
        tag_and_stop()
    assert runs.interrupted_run("abc") == run


def test_an_interrupted_evaluation_ends_its_run_as_killed(checkout: Path) -> None:
    with runs.training_run(SOURCE) as run:
        pass
    restoration = runs.Restoration({}, checkout, checkout)
    with pytest.raises(KeyboardInterrupt), runs.finished_run(run, SOURCE, restoration):
        raise KeyboardInterrupt
    assert status(run) == "KILLED"
    with runs.finished_run(run, SOURCE, restoration):
        runs.log_metrics({"test/top1": 1.0})
        assert connect().get_run(run).data.tags[PROCESS] == ALIVE.as_text()
    assert status(run) == "FINISHED"


def test_an_error_of_the_store_itself_does_not_hide_the_first_one(
    checkout: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a full disk: the run cannot be closed either."""
    with pytest.raises(OSError, match="no space"), runs.training_run(SOURCE) as run:
        lose_the_store(checkout / "mlflow.db")
    assert "The next start closes it" in caplog.text
    (checkout / "mlflow.db").rmdir()
    (checkout / "away.db").rename(checkout / "mlflow.db")
    assert status(run) == "RUNNING"

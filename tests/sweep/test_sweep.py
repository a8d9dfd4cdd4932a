"""Whole sweeps in this process: real trainings, a real Optuna database, a real MLflow store."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from optuna.study import Study
from optuna.trial import TrialState

from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.params.document import Params
from humotion.params.sweep import SamplerParams
from humotion.sweep.results import counts
from humotion.sweep.run_sweep import _finish, _tracked
from humotion.sweep.stop import WorkerStop
from humotion.sweep.storage import Storage
from humotion.sweep.study import Sweep, input_md5, make_sampler
from humotion.sweep.worker import Worker
from humotion.tracking.store import connect
from tests.support.tiny_project import tiny_params
from tests.sweep.conftest import LR, swept

INT = {"type": "int", "low": 1, "high": 1000}


def work(params: Params, storage: Storage, out: Path | None = None, stop: WorkerStop | None = None) -> Study:
    """What `humotion sweep` does with one worker, without a process for it."""
    sweep = Sweep("action", params, storage)
    study = sweep.create()
    with _tracked(sweep) as parent:
        Worker(sweep, parent, math.inf, stop or WorkerStop()).run()
    if out is not None:
        _finish(sweep, study, parent, out)
    return study


def states(study: Study) -> list[str]:
    return [trial.state.name for trial in study.get_trials()]


def children(study: Study) -> dict[str, Any]:
    """The MLflow runs of a study's trials, by their number."""
    client = connect()
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(experiments, f"tags.`optuna.study` = '{study.study_name}' and tags.kind = 'trial'")
    return {run.data.tags["optuna.trial"]: run for run in found}


def test_failures_and_lack_of_memory_do_not_stop_a_sweep(project: Path, storage: Storage, tmp_path: Path) -> None:
    huge = 4_000_000_000_000
    # 15 is no multiple of the two heads.
    dims = {"model.dim": {"type": "categorical", "choices": [16, 15, huge]}}
    params = swept(epochs=1, trials=4, space=dims, sampler={"name": "random", "seed": 5})
    study = work(params, storage, tmp_path / "out")
    trials = study.get_trials()
    assert len(trials) == 4
    ended = {int(trial.params["model.dim"]): trial for trial in trials}
    assert {dim: trial.state.name for dim, trial in ended.items()} == {
        16: "COMPLETE",
        15: "FAIL",
        huge: "FAIL",
    }
    assert "memory" in ended[huge].user_attrs["error"]
    assert ended[15].user_attrs["error"]
    run = children(study)[str(ended[15].number)]
    assert (run.info.status, run.data.tags["optuna.state"]) == ("FAILED", "fail")
    assert run.data.tags["error"] == ended[15].user_attrs["error"]
    table = pd.read_csv(tmp_path / "out" / "trials.csv")
    assert table["error"].notna().tolist() == (table["state"] == "failed").tolist()
    assert not list((project / ".humotion" / "work" / "sweep" / study.study_name).glob("trial-*[!k]"))


def test_a_trial_that_diverges_fails_with_its_reason_and_the_sweep_continues(project: Path, storage: Storage) -> None:
    space = {"optimizer.lr": {"type": "categorical", "choices": [0.001, 1e12]}}
    unclipped = tiny_params(optimizer={"lr": 0.001}, trainer={"epochs": 2, "batch_size": 3, "gradient_clip": None})
    study = work(swept(base=unclipped, trials=4, space=space, sampler={"name": "random", "seed": 0}), storage)
    ended = {(trial.params["optimizer.lr"], trial.state.name) for trial in study.get_trials()}
    assert ended == {(0.001, "COMPLETE"), (1e12, "FAIL")}
    assert study.best_params == {"optimizer.lr": 0.001}
    for trial in study.get_trials():
        run = children(study)[str(trial.number)]
        diverged = trial.state.name == "FAIL"
        assert run.info.status == ("FAILED" if diverged else "FINISHED")
        assert run.data.tags.get("humotion.failed") == ("diverged" if diverged else None)
        assert ("The training diverged: " in trial.user_attrs.get("error", "")) == diverged
        assert run.data.tags["optuna.state"] == ("fail" if diverged else "complete")


def test_results_in_files_and_in_mlflow(project: Path, storage: Storage, tmp_path: Path) -> None:
    goals = [{"metric": "val/loss", "direction": "minimize"}]
    pruner = {"name": "median", "warmup_epochs": 0, "startup_trials": 1}
    rates = {"optimizer.lr": {"type": "categorical", "choices": [1e-2, 1e-7]}, "seed": INT}
    params = swept(epochs=3, trials=7, objectives=goals, pruner=pruner, space=rates, sampler={"name": "qmc", "seed": 2})
    study = work(params, storage, tmp_path / "out")
    assert set(states(study)) == {"COMPLETE", "PRUNED"}
    pruned = next(trial for trial in study.get_trials() if trial.state == TrialState.PRUNED)
    assert pruned.user_attrs["epochs"] < 3

    runs = children(study)
    assert len(runs) == 7
    run = runs[str(pruned.number)]
    assert (run.info.status, run.data.tags["optuna.state"]) == ("KILLED", "pruned")
    assert "error" not in run.data.tags
    finished = runs[str(study.best_trial.number)]
    assert (finished.info.status, finished.data.tags["optuna.state"]) == ("FINISHED", "complete")
    assert finished.data.params["optimizer.lr"] == str(study.best_trial.params["optimizer.lr"])
    assert finished.data.metrics["best_val/loss"] == pytest.approx(study.best_value)
    parent = connect().get_run(finished.data.tags["mlflow.parentRunId"])
    assert (parent.info.status, parent.info.run_name) == ("FINISHED", "sweep of action")
    assert parent.data.metrics["best_val/loss"] == pytest.approx(study.best_value)
    assert parent.data.metrics["trials/pruned"] == states(study).count("PRUNED")
    logged = {file.path for file in connect().list_artifacts(parent.info.run_id, "sweep")}
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert logged == {f"sweep/{name}" for name in files}
    assert files >= {"trials.csv", "best.json", "plots.html", "history.png", "intermediate_values.png"}

    found = read_json(tmp_path / "out" / "best.json")
    assert found["counts"] == {"complete": 7 - states(study).count("PRUNED"), **pruned_only(study)}
    assert [best["trial"] for best in found["best"]] == [study.best_trial.number]
    table = pd.read_csv(tmp_path / "out" / "trials.csv")
    assert table["optimizer.lr"].tolist() == [trial.params["optimizer.lr"] for trial in study.get_trials()]
    assert "https://cdn" not in (tmp_path / "out" / "plots.html").read_text()[:2000]

    again = work(params, storage)
    assert len(again.get_trials()) == 7, "a finished study must not be gone on with"


def pruned_only(study: Study) -> dict[str, int]:
    return {"pruned": states(study).count("PRUNED"), "failed": 0, "retried": 0}


def test_several_objectives_make_a_front(project: Path, storage: Storage, tmp_path: Path) -> None:
    goals = [{"metric": "val/loss", "direction": "minimize"}, {"metric": "cost/parameters", "direction": "minimize"}]
    goals += [{"metric": "cost/latency_ms", "direction": "minimize"}]
    widths = {"model.dim": {"type": "int", "low": 8, "high": 64, "step": 8}}
    params = swept(epochs=1, trials=3, objectives=goals, space=widths, sampler={"name": "nsga2"})
    study = work(params, storage, tmp_path / "out")
    assert states(study) == ["COMPLETE"] * 3
    smallest = min(trial.params["model.dim"] for trial in study.get_trials())
    front = read_json(tmp_path / "out" / "best.json")["best"]
    assert smallest in [best["params"]["model.dim"] for best in front]
    assert all(best["values"]["cost/latency_ms"] > 0 for best in front)
    assert (tmp_path / "out" / "pareto.png").exists()


def test_an_unknown_metric_ends_the_sweep(project: Path, storage: Storage) -> None:
    with pytest.raises(HumotionError, match=r"no 'val/nosuch'.*val/top1"):
        work(swept(objectives=[{"metric": "val/nosuch"}]), storage)


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes", "qmc", "nsga2", "random"])
def test_a_sweep_that_stops_and_goes_on_proposes_the_same(project: Path, tmp_path: Path, sampler: str) -> None:
    """Of Optuna alone: every sampler by name, and a seed that depends on the trial."""
    settings = SamplerParams(name=sampler, seed=5, startup_trials=3)  # type: ignore[arg-type]

    def propose(name: str, stops: list[int]) -> list[dict[str, Any]]:
        for stop in stops:
            study = optuna.create_study(storage=f"sqlite:///{tmp_path / name}", study_name="s", load_if_exists=True)
            while len(study.get_trials()) < stop:
                study.sampler = make_sampler(settings, len(study.get_trials()))
                trial = study.ask()
                study.tell(trial, trial.suggest_float("x", -1, 1) ** 2 + trial.suggest_float("y", -1, 1))
        return [trial.params for trial in study.get_trials()]

    whole = propose("whole.db", [6])
    assert len({tuple(params.values()) for params in whole}) == 6
    assert propose("parts.db", [1, 4, 6]) == whole


@pytest.fixture
def ctrl_c() -> Iterator[WorkerStop]:
    """A stop that listens to SIGINT."""
    stop = WorkerStop()
    with stop.listening():
        yield stop


def interrupt_when(pattern: str, folder: Path) -> threading.Thread:
    """Send SIGINT to this process once there is a new file; other tests may have left files in the same project."""
    before = set(folder.glob(pattern))

    def wait() -> None:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # folders come and go
                if set(folder.glob(pattern)) - before:
                    break
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_an_interrupted_trial_goes_on_from_its_checkpoint(project: Path, storage: Storage, ctrl_c: WorkerStop) -> None:
    params = swept(epochs=15, trials=1, sampler={"seed": 77})
    thread = interrupt_when(".humotion/work/sweep/*/trial-*/last.ckpt", project)
    with pytest.raises(HumotionError, match="The same command resumes"):
        work(params, storage, stop=ctrl_c)
    thread.join()
    study = Sweep("action", params, storage).load()
    assert states(study) == ["FAIL", "WAITING"]
    first = study.get_trials()[0]
    assert children(study)["0"].data.tags["optuna.state"] == "interrupted"

    study = work(params, storage)
    second = study.get_trials()[1]
    assert states(study) == ["FAIL", "COMPLETE"]
    assert counts(study) == {"complete": 1, "pruned": 0, "failed": 0, "retried": 1}
    assert second.params == first.params
    assert 0 < second.user_attrs["epochs_resumed"] < 15 == second.user_attrs["epochs"]
    runs = children(study)
    assert runs["1"].data.tags["optuna.retry_of"] == "0"
    steps = {metric.step for metric in connect().get_metric_history(runs["1"].info.run_id, "train/loss")}
    assert len(steps) == 15, "the curve of the retry must be whole"


def test_the_study_name_says_what_is_searched_on_what(project: Path, storage: Storage, tmp_path: Path) -> None:
    def name(**sweep: Any) -> str:
        return Sweep("action", swept(**sweep), storage).study_name

    base = name()
    assert name(trials=9, timeout=60, retries=5) == base
    raw = swept().model_dump(mode="json", by_alias=True, exclude_unset=True)
    raw["experiments"]["action"]["optimizer"]["lr"] = 0.009  # searched: `sweep apply` changes it
    assert Sweep("action", Params.model_validate(raw), storage).study_name == base
    raw["experiments"]["action"]["optimizer"]["weight_decay"] = 0.5
    others = {
        Sweep("action", Params.model_validate(raw), storage).study_name,
        name(objectives=[{"metric": "val/macro_f1"}]),
        name(space=LR | {"seed": INT}),
        name(sampler={"seed": 3}),
        name(pruner={"name": "hyperband"}),
        name(epochs=3),
    }
    assert len(others | {base}) == 7
    assert name(objectives=[{"metric": "val/top1"}]) == base  # the task's main metric


def test_other_data_are_another_study(project: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    params = swept()
    before = Sweep("action", params, storage).study_name
    copy = project.parent / "copy"
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns(".humotion", "mlruns"))
    monkeypatch.chdir(copy)
    table = pd.read_parquet("clips/action/train.parquet")
    table.iloc[1:].to_parquet("clips/action/train.parquet")
    assert Sweep("action", params, storage).study_name != before
    (copy / "clips" / "action" / "val.parquet").unlink()
    with pytest.raises(HumotionError, match="dvc repro sample@action"):
        input_md5("action", params.experiment("action"))


def test_other_pretrained_weights_are_another_study(
    project: Path, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file counts, not its name alone; where the name is searched, it does not count either."""
    shutil.copytree(project / "clips", tmp_path / "clips")
    shutil.copytree(project / "prepared", tmp_path / "prepared")
    monkeypatch.chdir(tmp_path)
    raw = swept().model_dump(mode="json", by_alias=True, exclude_unset=True)
    raw["experiments"]["action"]["model"]["weights"] = "vit.safetensors"

    def name(**sweep: Any) -> str:
        raw["sweeps"]["action"] |= sweep
        return Sweep("action", Params.model_validate(raw), storage).study_name

    with pytest.raises(HumotionError, match=r"vit\.safetensors.* does not exist"):
        name()
    Path("vit.safetensors").write_bytes(b"one")
    before = name()
    searched = name(space={"model.weights": {"type": "categorical", "choices": ["vit.safetensors", "other"]}})
    Path("vit.safetensors").write_bytes(b"two")
    assert name() == searched
    assert name(space=LR) != before


def test_time_limit(project: Path, storage: Storage) -> None:
    params = swept()
    sweep = Sweep("action", params, storage)
    sweep.create()
    Worker(sweep, "no run", deadline=time.time() - 1, stop=WorkerStop()).run()
    assert sweep.load().get_trials() == []

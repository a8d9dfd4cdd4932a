"""The default store, absent, used by eight processes at once for two hundred runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from humotion.tracking.store import connect

PROCESSES, RUNS, STEPS = 8, 25, 3
# Forked, so that the imports are paid once; each process makes its own connections.
PROGRAM = f"""
import multiprocessing, sys
from humotion.tracking import runs

def work(process, gate):
    gate.wait()
    for number in range({RUNS}):
        name = f"{{process}}-{{number}}"
        source = runs.RunSource("action/tiny", name, {{"process": process, "number": number}}, {{"plan": name}})
        with runs.training_run(source):
            for step in range({STEPS}):
                runs.log_metrics({{"loss": process + number / 100, "step": step}}, step=step)
            runs.set_tags({{"colour": name}})

fork = multiprocessing.get_context("fork")
gate = fork.Barrier({PROCESSES})
processes = [fork.Process(target=work, args=(process, gate)) for process in range({PROCESSES})]
for process in processes: process.start()
for process in processes: process.join()
sys.exit(max(abs(process.exitcode) for process in processes))
"""


@pytest.mark.thorough
def test_two_hundred_runs_by_eight_processes_on_an_absent_store(checkout: Path) -> None:
    (checkout / "mlflow.db").unlink()
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr and "ERROR" not in done.stderr, done.stderr[-3000:]
    client = connect()
    place = client.get_experiment_by_name("action/tiny")
    found = {run.info.run_name: run for run in client.search_runs([place.experiment_id], max_results=1000)}
    assert set(found) == {f"{process}-{number}" for process in range(PROCESSES) for number in range(RUNS)}
    for name, run in found.items():
        process, number = map(int, name.split("-"))
        assert run.info.status == "FINISHED"
        assert run.data.params == {"process": str(process), "number": str(number)}
        assert (run.data.tags["colour"], run.data.tags["data.plan.md5"]) == (name, name)
        for metric, values in (("loss", [process + number / 100] * STEPS), ("step", [0.0, 1.0, 2.0])):
            points = client.get_metric_history(run.info.run_id, metric)
            assert [(point.step, point.value) for point in points] == list(enumerate(values)), name
        (source,) = {entry.path for entry in client.list_artifacts(run.info.run_id)}
        assert source == "source"
    assert len({run.info.run_id for run in found.values()}) == PROCESSES * RUNS


# All processes log the same new table at the same moment, again and again.
SAME_CLIPS = """
import multiprocessing, sys
from pathlib import Path
import pandas as pd
from humotion.tracking import runs
from humotion.tracking.inputs import log_clips

def work(process, gate):
    for number in range(6):
        source = runs.RunSource("action/tiny", f"{process}-{number}", {}, {})
        with runs.training_run(source):
            gate.wait(60)
            log_clips("tiny", {"training": Path(f"clips-{number}.parquet")})

for number in range(6):
    pd.DataFrame({"clip": [number]}).to_parquet(f"clips-{number}.parquet")
fork = multiprocessing.get_context("fork")
gate = fork.Barrier(4)
processes = [fork.Process(target=work, args=(process, gate)) for process in range(4)]
for process in processes: process.start()
for process in processes: process.join(60)
sys.exit(max(abs(process.exitcode or 0) for process in processes))
"""


def test_trainings_that_start_together_log_the_same_clips(checkout: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SAME_CLIPS], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    client = connect()
    place = client.get_experiment_by_name("action/tiny")
    found = client.search_runs([place.experiment_id], max_results=100)
    named = [run for run in found if run.info.run_name in {f"{p}-{n}" for p in range(4) for n in range(6)}]
    assert len(named) == 24 and all(len(run.inputs.dataset_inputs) == 1 for run in named)

"""Stage sweep: an Optuna study over the parameters of an experiment.

Reads clips and frames as training does; the study goes on in its database, and what came out is
written to ``sweeps/<experiment>/``.
"""

from __future__ import annotations

from pathlib import Path

from humotion.params.document import Params
from humotion.sweep.run_sweep import run_sweep
from humotion.sweep.storage import storage


def run(name: str, params: Params, workers: int | None = None, url: str | None = None) -> None:
    """Write ``sweeps/<name>/``: trials.csv, best.json, plots.html and a PNG a plot; a run and child runs in MLflow.

    Raises:
        HumotionError: no such experiment or sweep, or a space that params.yaml could not have.
    """
    machine = params.machine
    where = storage(url, machine.sweep_storage)
    run_sweep(name, params, where, workers or machine.sweep_workers, Path("sweeps") / name)

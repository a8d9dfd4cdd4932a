"""Stage sweep: an Optuna study over the parameters of an experiment.

The stage reads the same clips and frames as training. The study resumes from its database, and its results are written
to ``sweeps/<experiment>/``.
"""

from __future__ import annotations

from pathlib import Path

from humotion.params.document import Params
from humotion.sweep.run_sweep import run_sweep
from humotion.sweep.storage import storage


def run(name: str, params: Params, workers: int | None = None, url: str | None = None) -> None:
    """Write ``sweeps/<name>/``: trials.csv, best.json, plots.html and one PNG per plot; log a run and child runs.

    Raises:
        HumotionError: there is no such experiment or sweep, or the space has values that params.yaml cannot have.
    """
    machine = params.machine
    where = storage(url, machine.sweep_storage)
    run_sweep(name, params, where, workers or machine.sweep_workers, Path("sweeps") / name)

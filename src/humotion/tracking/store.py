"""Which MLflow store is used, and its safe first use.

The default is ``sqlite:///mlflow.db`` at the root of the main checkout, also from inside a
``dvc exp run --queue/--temp`` working copy, which DVC throws away. ``MLFLOW_TRACKING_URI`` wins.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from filelock import FileLock

from humotion.work import main_checkout

# Set before the first import of mlflow: no telemetry to third parties, and no job workers that the
# local UI would start beside itself.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")

import mlflow
from mlflow.tracking import MlflowClient


def tracking_uri(configured: str | None = None) -> str:
    """The store in use: the environment, then ``machine.tracking_uri``, then the checkout's SQLite file."""
    return os.environ.get("MLFLOW_TRACKING_URI") or configured or default_uri(main_checkout())


def shown_uri(configured: str | None = None) -> str:
    """The store in use, for people: without a password."""
    return re.sub(r"://[^/@\s]+@", "://***@", tracking_uri(configured))


def default_uri(checkout: Path) -> str:
    """The SQLite store of a checkout."""
    return f"sqlite:///{checkout / 'mlflow.db'}"


def connect(configured: str | None = None) -> MlflowClient:
    """Point MLflow at the store in use and return a client of it, creating the store if need be.

    MLflow's own first use of a SQLite file is a race between processes (duplicate columns, failed
    migrations), so it happens under a file lock.
    """
    uri = tracking_uri(configured)
    mlflow.set_tracking_uri(uri)
    if uri.startswith("sqlite:///"):
        database = Path(uri.removeprefix("sqlite:///"))
        database.parent.mkdir(parents=True, exist_ok=True)
        # Beside the database: checkouts that share one share its lock.
        with FileLock(f"{database}.lock"):
            MlflowClient().search_experiments(max_results=1)
    return MlflowClient()


def ask(configured: str | None = None) -> tuple[str, str | None]:
    """The store in use, and what is wrong with it if it does not answer; creates nothing."""
    uri = tracking_uri(configured)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        folder = Path(uri.removeprefix("sqlite:///")).parent
        return uri, None if os.access(folder, os.W_OK) else f"{folder} is not there or cannot be written to"
    if uri.startswith("http"):
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    try:
        MlflowClient(uri).search_experiments(max_results=1)
    except Exception as error:  # MLflow raises its own, those of SQLAlchemy and those of requests
        return uri, str(error).splitlines()[0][:300] if str(error) else type(error).__name__
    return uri, None


def experiment_id(client: MlflowClient, name: str) -> str:
    """The id of the MLflow experiment ``name`` (``action/hmdb51``), created on first use.

    In the default store its artifacts lie in ``mlruns/`` beside ``mlflow.db``, wherever the process
    happens to run.
    """
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    uri = str(mlflow.get_tracking_uri())
    location = None
    if uri.startswith("sqlite:///"):
        location = (Path(uri.removeprefix("sqlite:///")).parent / "mlruns" / name.replace("/", "-")).as_uri()
    try:
        return str(client.create_experiment(name, artifact_location=location))
    except mlflow.MlflowException:
        # Another process was quicker.
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)

"""Which MLflow store is used, and its safe first use.

The default is ``sqlite:///mlflow.db`` at the root of the main checkout. This is also true in a working copy of
``dvc exp run --queue/--temp``, which DVC deletes. ``MLFLOW_TRACKING_URI`` has priority.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from pathlib import Path
from typing import Any

import mlflow
from filelock import FileLock
from mlflow.tracking import MlflowClient
from sqlalchemy import Engine, event

from humotion.errors import HumotionError
from humotion.tracking.outbox.server import first_line, is_remote, why_unreachable
from humotion.tracking.outbox.waiting import shown
from humotion.work import main_checkout

# Tags that find a run whose id in this store is different from the id that another process has.
LOCAL_ID = "humotion.local_id"  # the run was written to disk before its server could be reached
# It logs each error with its traceback, and raises it as well: the user would see it twice.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

BUSY = 120_000  # milliseconds to wait for an SQLite file that another program has locked, for example for a backup
RESTORED_FROM = "restored_from"  # this store did not have the run, so a new one was made from the model folder


@event.listens_for(Engine, "before_cursor_execute", retval=True)
def _wait_longer(conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
    """MLflow sets SQLite's busy timeout to 20 s for each session; wait longer."""
    if isinstance(cursor, sqlite3.Cursor) and statement.startswith("PRAGMA busy_timeout"):
        return f"PRAGMA busy_timeout = {BUSY}", parameters
    return statement, parameters


def tracking_uri(configured: str | None = None) -> str:
    """The store in use: the environment, then ``machine.tracking_uri``, then the checkout's SQLite file."""
    return os.environ.get("MLFLOW_TRACKING_URI") or configured or default_uri(main_checkout())


def shown_uri(configured: str | None = None) -> str:
    """The store in use, without its password."""
    return shown(tracking_uri(configured))


def default_uri(checkout: Path) -> str:
    """The SQLite store of a checkout."""
    return f"sqlite:///{checkout / 'mlflow.db'}"


def connect(configured: str | None = None) -> MlflowClient:
    """Point MLflow at the store in use and return its client; create the store if it does not exist.

    If several processes use a new SQLite file at once, MLflow fails (duplicate columns, failed migrations). So a file
    lock protects the first use.

    Raises:
        HumotionError: the store is a server that does not answer, or that refuses.
    """
    uri = tracking_uri(configured)
    if is_remote(uri) and (problem := why_unreachable(uri)) is not None:
        raise HumotionError(
            f"The MLflow store {shown(uri)} does not answer: {problem}. Start it and run the same command again, "
            "or set MLFLOW_TRACKING_URI to another store."
        )
    use(uri)
    if uri.startswith("sqlite:///"):
        database = Path(uri.removeprefix("sqlite:///"))
        database.parent.mkdir(parents=True, exist_ok=True)
        # The lock is next to the database, so checkouts that share the database share the lock.
        with FileLock(f"{database}.lock"):
            MlflowClient().search_experiments(max_results=1)
    return MlflowClient()


def use(uri: str) -> None:
    """Point MLflow at a store.

    MLflow also sets MLFLOW_TRACKING_URI. This function restores it, because it has priority over all later settings.
    """
    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    if before is None:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    else:
        os.environ["MLFLOW_TRACKING_URI"] = before


def ask(configured: str | None = None) -> tuple[str, str | None]:
    """The store in use, and the problem if it does not answer; creates nothing."""
    uri = tracking_uri(configured)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        folder = Path(uri.removeprefix("sqlite:///")).parent
        return uri, None if os.access(folder, os.W_OK) else f"{folder} does not exist or is not writable"
    if uri.startswith("http"):
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    try:
        MlflowClient(uri).search_experiments(max_results=1)
    except Exception as error:  # MLflow raises its own errors, and those of SQLAlchemy and requests
        return uri, first_line(error)
    return uri, None


def experiment_id(client: MlflowClient, name: str) -> str:
    """The id of the MLflow experiment ``name`` (``action/hmdb51``), created on first use.

    In the default store its artifacts are in ``mlruns/`` next to ``mlflow.db``, whatever the working folder is.
    """
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    uri = str(client.tracking_uri)
    location = None
    if uri.startswith("sqlite:///"):
        location = (Path(uri.removeprefix("sqlite:///")).parent / "mlruns" / name.replace("/", "-")).as_uri()
    try:
        return str(client.create_experiment(name, artifact_location=location))
    except mlflow.MlflowException:
        # Another process was faster.
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)


def exists(client: MlflowClient, run_id: str) -> bool:
    """Whether the store has the run, and the run is not deleted."""
    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except mlflow.MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return False
        raise


def find_run(client: MlflowClient, run_id: str, experiment: str | None) -> str | None:
    """The id in this store of the run ``run_id``, or of the run that replaces it; in one experiment or in all."""
    if exists(client, run_id):
        return run_id
    if experiment is None:
        places = [str(place.experiment_id) for place in client.search_experiments()]
    else:
        place = client.get_experiment_by_name(experiment)
        places = [] if place is None else [str(place.experiment_id)]
    for tag in (LOCAL_ID, RESTORED_FROM):
        if places and (found := client.search_runs(places, f"tags.`{tag}` = '{run_id}'", max_results=1)):
            return str(found[0].info.run_id)
    return None

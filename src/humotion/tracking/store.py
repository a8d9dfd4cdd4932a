"""Which MLflow store is used, and its safe first use.

The default is ``sqlite:///mlflow.db`` at the root of the main checkout. This is also true in a working copy of
``dvc exp run --queue/--temp``, which DVC deletes. ``MLFLOW_TRACKING_URI`` has priority.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from typing import Any

import mlflow
from filelock import FileLock
from mlflow.tracking import MlflowClient
from sqlalchemy import Engine, event

from humotion.errors import HumotionError
from humotion.tracking import address
from humotion.tracking.address import database_of, shown
from humotion.tracking.local import how_to_restore, refusal, require_usable, settled
from humotion.tracking.outbox.server import first_line, is_remote, why_unreachable
from humotion.tracking.relocation import artifact_folder, relocate

# Tags that find a run whose id in this store is different from the id that another process has.
LOCAL_ID = "humotion.local_id"  # the run was written to disk before its server could be reached
BUSY = 120_000  # milliseconds to wait for an SQLite file that another program has locked, for example for a backup
NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""What MLflow answers about a run, model or alias that a store does not have; other errors say nothing about it."""
NO_SUCH_RUN = (*NOT_THERE, "PERMISSION_DENIED")
"""The same for runs, where a server with passwords refuses who is not its admin: it looks for the run's experiment."""
RESTORED_FROM = "restored_from"  # this store did not have the run, so a new one was made from the model folder

# It logs each error with its traceback, and raises it as well: the user would see it twice.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


@event.listens_for(Engine, "before_cursor_execute", retval=True)
def _wait_longer(conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
    """MLflow sets SQLite's busy timeout to 20 s for each session; wait longer."""
    if isinstance(cursor, sqlite3.Cursor) and statement.startswith("PRAGMA busy_timeout"):
        return f"PRAGMA busy_timeout = {BUSY}", parameters
    return statement, parameters


def tracking_uri(configured: str | None = None) -> str:
    """The store in use: the environment, then ``machine.tracking_uri``, then the checkout's SQLite file.

    A relative SQLite file lies in the main checkout.

    Raises:
        HumotionError: no store can have such an address.
    """
    return address.in_use(configured)


def shown_uri(configured: str | None = None) -> str:
    """The store in use, without its password."""
    return shown(tracking_uri(configured))


def connect(configured: str | None = None) -> MlflowClient:
    """Point MLflow at the store in use and return its client; create the store if it does not exist.

    If several processes use a new SQLite file at once, MLflow fails (duplicate columns, failed migrations). So a file
    lock protects the first use. If the folder of the file was moved, the addresses of its files are corrected.

    Raises:
        HumotionError: the store is a server that does not answer, or that refuses; or a file that MLflow cannot use.
    """
    uri = tracking_uri(configured)
    if is_remote(uri) and (problem := why_unreachable(uri)) is not None:
        raise HumotionError(
            f"The MLflow store {shown(uri)} does not answer: {problem}. Start it and run the same command again, "
            "or set MLFLOW_TRACKING_URI to another store."
        )
    use(uri)
    if (database := database_of(uri)) is not None:
        if not database.exists():
            require_usable(uri, database)
            database.parent.mkdir(parents=True, exist_ok=True)
        # The lock is next to the database, so checkouts that share the database share the lock.
        with FileLock(f"{database}.lock"):
            require_usable(uri, database)
            _first_use(uri)
            relocate(database)
    return MlflowClient()


def open_existing(configured: str | None = None) -> MlflowClient | None:
    """The client of the store in use for a command that only reads; None if the store does not exist yet.

    Raises:
        HumotionError: as `connect`.
    """
    database = database_of(tracking_uri(configured))
    return None if database is not None and not database.exists() else connect(configured)


def _first_use(uri: str) -> None:
    """Let MLflow open the store, and create its tables if there are none."""
    try:
        MlflowClient().search_experiments(max_results=1)
    except Exception as error:  # MLflow raises its own errors, and those of SQLAlchemy, Alembic and SQLite
        raise HumotionError(
            f"The MLflow store {shown(uri)} cannot be used: {first_line(error)}. `humotion doctor` checks it; "
            "MLFLOW_TRACKING_URI or machine.tracking_uri names another store."
        ) from error


def use(uri: str) -> None:
    """Point MLflow at a store.

    MLflow also sets MLFLOW_TRACKING_URI. This function restores it, because it has priority over all later settings.
    A run that MLFLOW_RUN_ID names is not ours: MLflow would write our runs into it.
    """
    if (left_over := os.environ.pop("MLFLOW_RUN_ID", None)) is not None:
        print(f"humotion: MLFLOW_RUN_ID={left_over} is ignored: each training has its own run.", file=sys.stderr)
    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    if before is None:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    else:
        os.environ["MLFLOW_TRACKING_URI"] = before


def ask(configured: str | None = None) -> tuple[str, str | None]:
    """The store in use, and the problem if it does not answer or cannot be used; changes and creates nothing."""
    try:
        uri = tracking_uri(configured)
    except HumotionError as error:
        return shown(os.environ.get("MLFLOW_TRACKING_URI") or configured or ""), str(error)
    database = database_of(uri)
    if database is not None:
        with settled(database):
            problem = refusal(database)
        if problem is not None or not database.exists():
            return uri, problem
    if uri.startswith("http"):
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    try:
        MlflowClient(uri).search_experiments(max_results=1)
    except Exception as error:  # MLflow raises its own errors, and those of SQLAlchemy and requests
        return shown(uri), first_line(error)
    return shown(uri), None


def every(search: Callable[..., Any], *arguments: Any) -> Iterator[Any]:
    """What a search of MLflow finds, page by page: alone it returns the first page, and says nothing of the others."""
    token = None
    while True:
        page = search(*arguments, page_token=token)
        yield from page
        if not (token := page.token):
            return


def experiment_id(client: MlflowClient, name: str) -> str:
    """The id of the MLflow experiment ``name`` (``action/hmdb51``), created on first use.

    In the default store its artifacts are in ``mlruns/`` next to ``mlflow.db``, whatever the working folder is.

    Raises:
        HumotionError: the experiment was deleted.
    """
    uri = str(client.tracking_uri)
    found = client.get_experiment_by_name(name)
    if found is None:
        database = database_of(uri)
        location = None if database is None else artifact_folder(database, name).as_uri()
        try:
            return str(client.create_experiment(name, artifact_location=location))
        except mlflow.MlflowException:
            # Another process was faster.
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        raise HumotionError(
            f"In the MLflow store {shown(uri)}, {how_to_restore(name, found.experiment_id, shown(uri))}"
        )
    return str(found.experiment_id)


def exists(client: MlflowClient, run_id: str) -> bool:
    """Whether the store has the run, and the run is not deleted."""
    try:
        return bool(client.get_run(run_id).info.lifecycle_stage == "active")
    except mlflow.MlflowException as error:
        if error.error_code in NO_SUCH_RUN:
            return False
        raise


def find_run(client: MlflowClient, run_id: str, experiment: str | None) -> str | None:
    """The id in this store of the run ``run_id``, or of the run that replaces it; in one experiment or in all."""
    if exists(client, run_id):
        return run_id
    if experiment is None:
        places = [str(place.experiment_id) for place in every(client.search_experiments)]
    else:
        place = client.get_experiment_by_name(experiment)
        places = [] if place is None else [str(place.experiment_id)]
    for tag in (LOCAL_ID, RESTORED_FROM):
        if places and (found := client.search_runs(places, f"tags.`{tag}` = '{run_id}'", max_results=1)):
            return str(found[0].info.run_id)
    return None

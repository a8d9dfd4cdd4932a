"""Addresses of MLflow stores: which forms work, and what they mean wherever a command runs.

This module does not import MLflow, so that every stage can check the address in a moment.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from humotion.errors import HumotionError
from humotion.work import main_checkout

REMOTE_DATABASES = ("postgresql", "postgres", "mysql", "mssql")
FORMS = "sqlite:///mlflow.db, sqlite:////absolute/path.db, http(s)://host:port, or postgresql://..."
_SQLITE = re.compile(r"(?P<driver>sqlite(?:\+\w+)?)://(?P<database>[^?]*)(?P<options>\?.*)?", re.DOTALL)


def in_use(configured: str | None = None) -> str:
    """The address of the store in use, in the form that MLflow gets: see `tracking.store.tracking_uri`.

    Raises:
        HumotionError: no store can have such an address.
    """
    where = "MLFLOW_TRACKING_URI"
    written = os.environ.get(where, "").strip()
    if not written:
        where, written = "machine.tracking_uri in params.yaml", (configured or "").strip()
    return resolved(written, main_checkout(), where) if written else default_uri(main_checkout())


def default_uri(checkout: Path) -> str:
    """The SQLite store of a checkout."""
    return f"sqlite:///{checkout / 'mlflow.db'}"


def resolved(written: str, checkout: Path, where: str = "MLFLOW_TRACKING_URI") -> str:
    """The address that is meant by ``written``: a relative SQLite file lies in the checkout, ``~`` is the home folder.

    MLflow itself would resolve a relative file against the working folder, which ``dvc exp run --temp`` deletes.

    Raises:
        HumotionError: no store can have such an address; the message names the forms and ``where`` it was written.
    """
    if found := _SQLITE.fullmatch(written):
        database = found["database"].removeprefix("/")
        if not found["database"].startswith("/") or database in ("", ":memory:") or database.startswith("file:"):
            raise HumotionError(f"{where} is {written}, which does not name the file of a store. Write {FORMS}.")
        path = checkout / Path(database).expanduser()
        return f"{found['driver']}:///{path}{found['options'] or ''}"
    scheme = urlsplit(written).scheme.split("+")[0]
    if scheme in ("http", "https", *REMOTE_DATABASES) or written.startswith(("databricks", "uc:")):
        return written
    if scheme in ("", "file"):
        if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() in ("true", "1"):
            return (checkout / Path(unquote(urlsplit(written).path)).expanduser()).as_uri()
        raise HumotionError(
            f"{where} is {written}, a folder or file without sqlite:///. MLflow 3 keeps no runs in plain folders any "
            f"more. Write {FORMS}. `mlflow migrate-filestore --help` shows how to convert the runs of such a folder."
        )
    raise HumotionError(f"{where} is {written}, which is no address of an MLflow store. Write {FORMS}.")


def database_of(uri: str) -> Path | None:
    """The file of a store in SQLite; None for every other store."""
    found = _SQLITE.fullmatch(uri)
    return None if found is None else Path(found["database"].removeprefix("/"))


def shown(uri: str) -> str:
    """An address to print and store: without its password."""
    return re.sub(r"://[^/@\s]+@", "://***@", uri)


def experiment_name(task: str, dataset: str) -> str:
    """The MLflow experiment of a task and dataset: ``action/hmdb51``."""
    return f"{task.split('_')[0]}/{dataset}"

"""Why a store in SQLite cannot be used, in a sentence, found without MLflow.

MLflow needs seconds to import, and its errors are tracebacks. These checks take milliseconds, so that every stage makes
them first. They come before DVC removes the outputs of the stage that would fail (see `cli.stages`).
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from humotion.errors import HumotionError
from humotion.tracking.address import database_of, in_use

_REVISION = re.compile(r"^(down_)?revision *(?:: *[^=]+)?= *(.+)$", re.MULTILINE)


def check(configured: str | None = None, experiment: str | None = None) -> None:
    """Check the address of the store in use and, if the store is a SQLite file, whether MLflow can use it.

    Raises:
        HumotionError: MLflow would refuse; the message says why and what to do. A server is not asked.
    """
    uri = in_use(configured)
    if (database := database_of(uri)) is not None:
        with settled(database):
            require_usable(uri, database, experiment)


def require_usable(uri: str, database: Path, experiment: str | None = None) -> None:
    """Raise a HumotionError if MLflow would refuse a store in SQLite, or one of its experiments."""
    if (problem := refusal(database, experiment)) is not None:
        raise HumotionError(f"The MLflow store {uri} cannot be used: {problem}")


@contextmanager
def settled(database: Path) -> Iterator[None]:
    """Wait while another process creates the tables of a database (`store.connect`); creates no file."""
    lock = Path(f"{database}.lock")
    with FileLock(lock) if lock.exists() and os.access(lock, os.W_OK) else nullcontext():
        yield


@contextmanager
def opened(database: Path) -> Iterator[sqlite3.Connection]:
    """Open a database that exists, to read from it; creates no file.

    Not by ``mode=ro``: where a program died in the middle of writing, SQLite first undoes the unfinished change, for
    which it must write ("attempt to write a readonly database" otherwise). Where the file may not be written, SQLite
    opens it for reading by itself.
    """
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=60)) as connection:
        yield connection


def refusal(database: Path, experiment: str | None = None) -> str | None:
    """Why MLflow would refuse a database, or one of its experiments, and what to do; None if it would not.

    An absent database is fine if it can be created.
    """
    if not database.exists():
        return _not_creatable(database)
    if database.is_dir():
        return f"{database} is a folder. Name a file in it."
    if not os.access(database, os.R_OK | os.W_OK):
        return f"{database} may not be read and written by this user. Change its permissions or its owner."
    try:
        with opened(database) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables:
                return None  # MLflow creates its tables
            if problem := _foreign_tables(connection, tables, database):
                return problem
            return None if experiment is None else _deleted(connection, experiment, database)
    except sqlite3.OperationalError as error:
        return f"{error}. If another program holds {database}, end it; if the disk is full, free some space."
    except sqlite3.DatabaseError as error:
        return f"{database} is damaged or no SQLite file ({error}). Restore it from a copy, or {_AWAY.format(database)}"


_AWAY = (
    "move it away (mv {0} {0}.before): the next command makes an empty store, and `humotion join` enters the models of "
    "this checkout."
)


def deleted_experiments(database: Path) -> list[str]:
    """The names of experiments that were deleted in a database, for which MLflow takes no new runs."""
    if not database.exists():
        return []
    with opened(database) as connection:
        found = connection.execute("SELECT name FROM experiments WHERE lifecycle_stage = 'deleted' ORDER BY name")
        return [name for (name,) in found]


def _not_creatable(database: Path) -> str | None:
    folder = next(parent for parent in database.parents if parent.exists())
    if not folder.is_dir():
        return f"{folder} is a file, so that {database} cannot be created. Name another file."
    if not os.access(folder, os.W_OK):
        return f"{folder} does not let this user create {database}. Change its permissions, or name another file."
    return None


def _foreign_tables(connection: sqlite3.Connection, tables: set[str], database: Path) -> str | None:
    """Why the tables of a database are not those of the installed MLflow; None if they are."""
    if "experiments" not in tables or "alembic_version" not in tables:
        return f"{database} belongs to another program (tables {', '.join(sorted(tables)[:3])}). Name another file."
    found = {revision for (revision,) in connection.execute("SELECT version_num FROM alembic_version")}
    known, newest = _revisions()
    if not known or newest in found:
        return None
    mine = _mlflow_version()
    if found <= known:
        return (
            f"it was made by an older MLflow than {mine} (schema {_listed(found)}). Make a copy, then convert it: "
            f"cp {database} {database}.before && mlflow db upgrade sqlite:///{database}"
        )
    return (
        f"it was made by a newer MLflow than {mine} (schema {_listed(found)}). Install the MLflow that made it, use "
        f"another store, or {_AWAY.format(database)}"
    )


def _listed(revisions: set[str]) -> str:
    return ", ".join(sorted(revisions)) or "none"


def _deleted(connection: sqlite3.Connection, experiment: str, database: Path) -> str | None:
    query = "SELECT experiment_id FROM experiments WHERE name = ? AND lifecycle_stage = 'deleted'"
    found = connection.execute(query, (experiment,)).fetchone()
    return None if found is None else how_to_restore(experiment, found[0], f"sqlite:///{database}")


def how_to_restore(experiment: str, number: object, uri: str) -> str:
    """What is said of an experiment that was deleted."""
    return (
        f"its experiment {experiment} was deleted, so it takes no runs. Restore it: MLFLOW_TRACKING_URI={uri} "
        f"mlflow experiments restore -x {number}. To delete it for good: mlflow gc --experiment-ids {number}."
    )


@cache
def _revisions() -> tuple[frozenset[str], str | None]:
    """The schemas that the installed MLflow knows, and the newest, from the files of its migrations."""
    spec = find_spec("mlflow")
    folder = Path(spec.origin or "").parent / "store" / "db_migrations" / "versions" if spec else None
    known: set[str] = set()
    before: set[str] = set()
    for path in folder.glob("*.py") if folder else ():
        for is_before, value in _REVISION.findall(path.read_text(encoding="utf-8")):
            (before if is_before else known).update(re.findall(r"""["'](\w+)["']""", value))
    newest = known - before
    return frozenset(known), newest.pop() if len(newest) == 1 else None


def _mlflow_version() -> str:
    try:
        return version("mlflow")
    except PackageNotFoundError:
        return "installed"

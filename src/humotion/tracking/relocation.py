"""Artifacts of a store in SQLite whose folder was moved, renamed or copied.

MLflow keeps the address of each run, model and experiment as an absolute path. In our stores these files lie in
``mlruns/`` next to the database (`store.experiment_id`). So an address that names the same place in another folder is
of the time before the move. It is corrected at the first use of the store:

==========================  ===========================================================================
the files are               the address
==========================  ===========================================================================
here (moved or copied)      is corrected
only at the former place    stays, because it works; ``humotion doctor --repair`` copies the files here
nowhere                     is corrected, so that new files are written here
==========================  ===========================================================================

The address of an experiment only says where new runs are written, so it is always corrected.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from humotion.tracking.local import opened

FOLDER = "mlruns"
_EXPERIMENTS = ("experiments", "artifact_location")
_ADDRESSES = (
    _EXPERIMENTS,
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)


@dataclass(frozen=True)
class Stale:
    """An address in the database that names a former place of the store.

    Attributes:
        table, column, row: where it stands; ``row`` is SQLite's row id.
        address: as it stands.
        former, here: the folder that it means, and the same folder next to the database.
        files: where the files are: ``here``, ``former`` (only there), or ``nowhere``.
    """

    table: str
    column: str
    row: int
    address: str
    former: Path
    here: Path
    files: Literal["here", "former", "nowhere"]

    @property
    def stays(self) -> bool:
        """Whether the address must stay until its files are here."""
        return self.files == "former" and (self.table, self.column) != _EXPERIMENTS


def artifact_folder(database: Path, experiment: str) -> Path:
    """Where the files of an MLflow experiment lie."""
    return database.parent / FOLDER / experiment.replace("/", "-")


def stale_addresses(database: Path) -> list[Stale]:
    """All addresses that name a former place of the store; reads only."""
    if not database.exists():
        return []
    with opened(database) as connection:
        return list(_stale(connection, database, _ADDRESSES))


def relocate(database: Path) -> None:
    """Correct the addresses of former places, in one transaction, and print what was done to stderr.

    An address that another process corrects at the same time is left alone (see the condition in `_correct`). The
    experiments are a cheap sign: if theirs are right, the others are not read.
    """
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database, timeout=60, isolation_level="IMMEDIATE")) as connection:
            if not any(_stale(connection, database, (_EXPERIMENTS,))):
                return
            found = list(_stale(connection, database, _ADDRESSES))
            moved = [each for each in found if not each.stays]
            _correct(connection, moved)
            connection.commit()
    except sqlite3.DatabaseError as error:
        if "readonly" in str(error) or "locked" in str(error):
            _tell(f"{database} was moved, and its addresses cannot be corrected now ({error}): files may not be found.")
        return  # other errors: this is no store of MLflow, which `local.refusal` explains
    left = len(found) - len(moved)
    _tell(
        f"{database.parent} was moved or copied: {len(moved)} addresses of files in mlflow.db now name this folder."
        + (f" {left} still name files elsewhere; `humotion doctor --repair` copies them here." if left else "")
    )


def bring_here(database: Path) -> list[Path]:
    """Copy files that are only at a former place to this one, correct their addresses, and return the folders."""
    relocate(database)
    found = stale_addresses(database)
    folders = {each.here: each.former for each in found if each.files == "former"}
    for here, former in folders.items():
        partial = here.with_name(f".{here.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(former, partial)
        partial.rename(here)
    with closing(sqlite3.connect(database, timeout=60, isolation_level="IMMEDIATE")) as connection:
        _correct(connection, found)
        connection.commit()
    return sorted(folders)


def _correct(connection: sqlite3.Connection, found: list[Stale]) -> None:
    for each in found:
        new = each.here.as_uri() if each.address.startswith("file:") else str(each.here)
        connection.execute(
            f"UPDATE {each.table} SET {each.column} = ? WHERE rowid = ? AND {each.column} = ?",
            (new, each.row, each.address),
        )


def _stale(connection: sqlite3.Connection, database: Path, addresses: tuple[tuple[str, str], ...]) -> Iterator[Stale]:
    """The stale addresses in some columns. Only folders of our own form count: ``mlruns/<experiment>/...``."""
    names = connection.execute("SELECT experiment_id, name, artifact_location FROM experiments").fetchall()
    ours = {name.replace("/", "-") for _, name, _ in names}
    own_form = [_split(location) for _, name, location in names if _split(location)[1] == name.replace("/", "-")]
    formers = {base for base, _ in own_form}
    numbers = {str(number) for number, *_ in names}  # MLflow's own form, of its experiment Default
    for table, column in addresses:
        for row, address in connection.execute(f"SELECT rowid, {column} FROM {table} WHERE {column} LIKE '%/mlruns/%'"):
            base, below = _split(address)
            first = below.split("/")[0]
            if not (first in ours or (first in numbers and base in formers)) or _same(Path(base), database.parent):
                continue
            former, here = Path(base) / FOLDER / below, database.parent / FOLDER / below
            files = "here" if here.exists() else "former" if former.exists() else "nowhere"
            yield Stale(table, column, row, address, former, here, files)  # type: ignore[arg-type]


def _split(address: str | None) -> tuple[str, str]:
    """The folder of a store and the path below its ``mlruns/``; empty texts for an address without it."""
    parts = urlsplit(address or "")
    path = unquote(parts.path) if parts.scheme == "file" else (address or "")
    base, found, below = path.rpartition(f"/{FOLDER}/")
    return (base, below) if found and base.startswith("/") and parts.scheme in ("", "file") else ("", "")


def _same(one: Path, other: Path) -> bool:
    return one == other or one.resolve() == other.resolve()


def _tell(text: str) -> None:
    print(f"humotion: {text}", file=sys.stderr)

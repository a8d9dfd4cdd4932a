"""What is said of stores that MLflow would refuse: in sentences, before MLflow is imported."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.store.db.utils import _get_latest_schema_revision

from humotion.errors import HumotionError
from humotion.tracking import local, runs
from humotion.tracking.address import resolved, shown
from humotion.tracking.relocation import stale_addresses
from humotion.tracking.sources import RunSource
from humotion.tracking.store import ask, connect, tracking_uri

SOURCE = RunSource("action/tiny", "tiny", {}, {})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sqlite:///x.db", "sqlite:////home/me/x.db"),
        ("sqlite:///./sub/x.db?timeout=30", "sqlite:////home/me/sub/x.db?timeout=30"),
        ("sqlite:////data/x.db", "sqlite:////data/x.db"),
        ("sqlite+pysqlite:///x.db", "sqlite+pysqlite:////home/me/x.db"),
        ("sqlite:///~/x.db", f"sqlite:///{Path.home()}/x.db"),
        ("http://host:5000/", "http://host:5000/"),
        ("postgresql+psycopg://me:pw@host/db", "postgresql+psycopg://me:pw@host/db"),
        ("databricks", "databricks"),
    ],
)
def test_what_an_address_means(written: str, meant: str) -> None:
    assert resolved(written, Path("/home/me")) == meant


@pytest.mark.parametrize(
    "written",
    [
        *("./mlruns", "mlruns", "/data/mlruns", "file:///data/mlruns", "file:./x", "x.db"),
        *("sqlite://", "sqlite:///:memory:", "sqlite://x.db", "sqlite:x.db", "sqlite:///file:x.db?mode=ro"),
        *("banana://x", "mlflow-artifacts:/x", "s3://bucket/x"),
    ],
)
def test_an_address_that_no_store_can_have_is_a_sentence(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", written)
    for attempt in (connect, local.check):
        with pytest.raises(HumotionError, match=r"MLFLOW_TRACKING_URI is .*sqlite:///mlflow.db"):
            attempt()
    assert (ask()[1] or "").startswith(f"MLFLOW_TRACKING_URI is {written}")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with pytest.raises(HumotionError, match=r"machine\.tracking_uri in params\.yaml is "):
        connect(written)
    assert [path.name for path in checkout.iterdir() if path.name not in ("dvc.yaml", "params.yaml", "mlflow.db")] == []


def test_blanks_around_an_address_do_not_count(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", " http://host:5000 \n")
    assert tracking_uri() == "http://host:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "  ")
    assert tracking_uri("  sqlite:///x.db ") == f"sqlite:///{checkout}/x.db"
    assert tracking_uri(" ") == f"sqlite:///{checkout}/mlflow.db"
    assert shown("http://me:pw@host") == "http://***@host"


def test_a_relative_file_lies_in_the_checkout_wherever_a_command_runs(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "mlflow.db").rename(checkout / "team.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///team.db?timeout=30")
    copy = checkout / ".dvc" / "tmp" / "exps" / "tmpabc"
    copy.mkdir(parents=True)
    for folder in (checkout, copy):
        monkeypatch.chdir(folder)
        (folder / "note.txt").write_text("x")
        with runs.training_run(SOURCE) as run_id:
            runs.log_file(Path("note.txt"), "notes")
        assert connect().get_run(run_id).info.artifact_uri.startswith((checkout / "mlruns").as_uri())
    assert not (copy / "team.db").exists() and not (copy / "mlruns").exists()
    assert (checkout / "team.db.lock").exists() and not list(checkout.glob("*timeout*"))


def test_a_deleted_experiment_is_named_with_the_command_that_restores_it(checkout: Path) -> None:
    with runs.training_run(SOURCE) as run_id:
        pass
    client = connect()
    number = client.get_experiment_by_name("action/tiny").experiment_id
    client.delete_experiment(number)
    assert local.deleted_experiments(checkout / "mlflow.db") == ["action/tiny"]
    local.check(experiment="action/other")
    expected = rf"action/tiny was deleted.*mlflow experiments restore -x {number}"
    with pytest.raises(HumotionError, match=expected):
        local.check(experiment="action/tiny")
    with pytest.raises(HumotionError, match=expected), runs.training_run(SOURCE):
        pass
    client.restore_experiment(number)
    local.check(experiment="action/tiny")
    with runs.training_run(SOURCE, resume=run_id) as again:
        pass
    assert again == run_id


def set_revision(database: Path, revision: str) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def test_the_schema_of_the_installed_mlflow_is_known_without_it() -> None:
    known, newest = local._revisions()
    assert newest == _get_latest_schema_revision()
    assert newest in known and len(known) > 40


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        ("5b0e9adcef9c", r"made by an older MLflow than .*mlflow db upgrade sqlite:///"),
        ("ffffffffffff", r"made by a newer MLflow than .*Install the MLflow that made it"),
    ],
)
def test_the_schema_of_another_mlflow_is_explained(checkout: Path, revision: str, said: str) -> None:
    database = checkout / "mlflow.db"
    set_revision(database, revision)
    before = database.read_bytes()
    for attempt in (connect, local.check):
        with pytest.raises(HumotionError, match=said):
            attempt()
    assert database.read_bytes() == before


def test_files_that_are_no_store_are_explained(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = checkout / "mlflow.db"
    database.write_bytes(b"not a database" * 100)
    with pytest.raises(HumotionError, match="is damaged or no SQLite file"):
        connect()
    database.unlink()
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE trials (x)")
    with pytest.raises(HumotionError, match="belongs to another program"):
        connect()
    for uri, said in {
        f"sqlite:///{checkout}": "is a folder",
        f"sqlite:///{checkout}/params.yaml/mlflow.db": "is a file, so that",
    }.items():
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with pytest.raises(HumotionError, match=said):
            connect()
        assert said in (ask()[1] or "")


DIES_WHILE_IT_WRITES = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")  # changed pages go to the file before the end of the transaction
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE alembic_version SET version_num = 'unfinished'")
connection.executemany("INSERT INTO experiments (name) VALUES (?)", [("x" * 200 + str(n),) for n in range(500)])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    "read",
    [
        local.check,
        connect,
        lambda: local.deleted_experiments(Path("mlflow.db").resolve()),
        lambda: stale_addresses(Path("mlflow.db").resolve()),
    ],
    ids=["check", "connect", "deleted experiments", "stale addresses"],
)
def test_what_a_killed_writer_left_unfinished_is_undone(checkout: Path, read: Callable[[], object]) -> None:
    """SQLite undoes it at the next use, also at one that only reads."""
    database = (checkout / "mlflow.db").resolve()
    before = sqlite3.connect(database).execute("SELECT version_num FROM alembic_version").fetchall()
    subprocess.run([sys.executable, "-c", DIES_WHILE_IT_WRITES, str(database)], check=False)
    assert (checkout / "mlflow.db-journal").stat().st_size > 0
    assert b"unfinished" in database.read_bytes()
    read()
    assert sqlite3.connect(database).execute("SELECT version_num FROM alembic_version").fetchall() == before
    assert b"unfinished" not in database.read_bytes()


def test_a_check_takes_no_mlflow_and_makes_no_store(checkout: Path) -> None:
    (checkout / "mlflow.db").unlink()
    code = (
        "import sys; from humotion.tracking import local; local.check(None, 'a/b'); assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not list(checkout.glob("mlflow.db*"))


def test_a_left_over_run_id_takes_over_no_run(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with runs.training_run(SOURCE) as finished:
        runs.log_metrics({"val/top1": 0.5})
    before = connect().get_run(finished).to_dictionary()
    for left_over in (finished, "f" * 32):
        monkeypatch.setenv("MLFLOW_RUN_ID", left_over)
        with runs.training_run(RunSource("action/tiny", "tiny", {"seed": 2}, {})) as run_id:
            pass
        assert run_id not in (finished, left_over)
        assert f"MLFLOW_RUN_ID={left_over} is ignored" in capsys.readouterr().err
    assert connect().get_run(finished).to_dictionary() == before

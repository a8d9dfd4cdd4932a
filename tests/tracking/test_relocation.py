"""Checkouts that are moved, copied or split from their database: the store finds its files and writes where it lies."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from humotion.tracking import runs
from humotion.tracking.relocation import bring_here, stale_addresses
from humotion.tracking.sources import RunSource
from humotion.tracking.store import connect, mlflow

SOURCE = RunSource("action/tiny", "tiny", {}, {})


def log(text: str) -> str:
    Path("note.txt").write_text(text)
    with runs.training_run(SOURCE) as run_id:
        runs.log_file(Path("note.txt"), "notes")
    return run_id


def read(run_id: str) -> str:
    connect()
    return Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="notes/note.txt")).read_text()


def where(run_id: str) -> str:
    return str(connect().get_run(run_id).info.artifact_uri)


@pytest.fixture
def place(checkout: Path) -> Path:
    """A folder with blanks and signs that addresses quote, below the test's own."""
    folder = checkout.parent / "é 動画 # % &"
    folder.mkdir()
    return folder


def test_a_moved_checkout_finds_its_files_and_writes_where_it_is(
    checkout: Path, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = log("one")
    new = place / "new"
    checkout.rename(new)
    monkeypatch.chdir(new)
    assert read(first) == "one"
    told = capsys.readouterr().err
    assert f"{new} was moved or copied: " in told
    assert where(first) == f"{(new / 'mlruns' / 'action-tiny').as_uri()}/{first}/artifacts"
    assert read(log("two")) == "two"
    assert not checkout.exists(), "nothing is written into the former folder"
    assert stale_addresses(new / "mlflow.db") == []
    assert "was moved" not in capsys.readouterr().err, "said once"


def test_a_copy_uses_its_own_files(checkout: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = log("one")
    copy = place / "copy"
    shutil.copytree(checkout, copy)
    monkeypatch.chdir(copy)
    second = log("two")
    assert where(first).startswith(copy.as_uri()) and where(second).startswith(copy.as_uri())
    monkeypatch.chdir(checkout)
    assert read(first) == "one" and where(first).startswith(checkout.as_uri())


def test_files_that_stayed_behind_are_used_there_and_brought_when_asked(
    checkout: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, stayed = log("one"), log("stayed")
    new = place / "new"
    shutil.copytree(checkout, new, ignore=shutil.ignore_patterns(stayed))
    monkeypatch.chdir(new)
    assert (read(first), read(stayed)) == ("one", "stayed")
    assert where(first).startswith(new.as_uri()) and where(stayed).startswith(checkout.as_uri())
    assert [each.files for each in stale_addresses(new / "mlflow.db")] == ["former"]
    assert bring_here(new / "mlflow.db") == [new / "mlruns" / "action-tiny" / stayed / "artifacts"]
    shutil.rmtree(checkout)
    assert read(stayed) == "stayed" and where(stayed).startswith(new.as_uri())
    assert stale_addresses(new / "mlflow.db") == []


def test_a_link_to_the_checkout_is_the_same_place(checkout: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = log("one")
    link = place / "link"
    link.symlink_to(checkout)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{link}/mlflow.db")
    assert read(first) == "one"
    assert where(first).startswith(checkout.as_uri())


def test_addresses_that_are_not_ours_stay(checkout: Path) -> None:
    log("one")
    client = connect()
    own = client.create_experiment("theirs", artifact_location="s3://bucket/mlruns/theirs")
    other = client.create_experiment("others", artifact_location="file:///elsewhere/mlruns/7")
    connect()
    assert client.get_experiment(own).artifact_location == "s3://bucket/mlruns/theirs"
    assert client.get_experiment(other).artifact_location == "file:///elsewhere/mlruns/7"


def test_a_foreign_file_is_left_to_the_check_of_the_store(tmp_path: Path) -> None:
    from humotion.tracking.relocation import relocate

    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE t (x)")
    relocate(tmp_path / "other.db")
    (tmp_path / "text.db").write_text("no database" * 100)
    relocate(tmp_path / "text.db")
    assert stale_addresses(tmp_path / "absent.db") == []

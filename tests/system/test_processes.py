"""Which process is alive, and what dead ones leave: asked of real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from humotion import files
from humotion.files import atomic_folder, atomic_path
from humotion.system.processes import Process, owner_of_token, this_process, token
from tests.support.repository import REPOSITORY

WRITER = """
import os, signal, sys
from pathlib import Path
from humotion.files import atomic_folder, atomic_path
with atomic_folder(Path("report")) as folder, atomic_path(Path("table.v2.csv")) as table:
    (folder / "half").touch(); table.write_text("half")
    print("writing", flush=True)
    sys.stdin.read()
"""
TOKEN = "from humotion.system.processes import token; print(token())"


@pytest.fixture(autouse=True)
def first_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a process that has not written anything yet."""
    monkeypatch.setattr(files, "_tidied", set())
    monkeypatch.chdir(tmp_path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def start_writer() -> subprocess.Popen[str]:
    writer = subprocess.Popen([sys.executable, "-c", WRITER], stdin=-1, stdout=-1, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    return writer


def test_a_living_process_and_a_dead_one() -> None:
    me = this_process()
    assert me.is_here
    assert not me.is_gone
    assert Process.from_text(me.as_text()) == me
    assert str(me) == f"process {os.getpid()} on {me.host}"
    assert replace(me, start=me.start - 1).is_gone, "another process had this number before"
    child = subprocess.Popen([sys.executable, "-c", TOKEN], stdout=-1)
    owner = owner_of_token(child.communicate()[0].decode().strip())
    assert owner is not None
    assert owner.number == child.pid
    assert owner.is_gone
    assert not replace(owner, place="ffffff").is_gone, "nothing is known of another machine"


def test_a_zombie_counts_as_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", TOKEN], stdout=-1)
    assert child.stdout is not None
    owner = owner_of_token(child.stdout.readline().decode().strip())
    child.stdout.read()  # until it has ended; nobody has waited for it
    deadline = time.monotonic() + 10
    while not (owner and owner.is_gone):
        assert time.monotonic() < deadline
    child.wait()


@pytest.mark.parametrize("text", ["", "host", "a b c d", "host abcdef 12 x", "host abcdef -1 3"])
def test_other_texts_name_no_process(text: str) -> None:
    assert Process.from_text(text) is None


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    writer = start_writer()
    assert len(names(tmp_path)) == 2
    with atomic_path(tmp_path / "first.txt") as path:
        path.touch()
    assert len(names(tmp_path)) == 3, "the other process is alive"
    writer.kill()
    writer.communicate()
    files._tidied.clear()
    with atomic_folder(tmp_path / "other"):
        pass
    assert names(tmp_path) == ["first.txt", "other"]


def test_litter_of_other_machines_and_versions(tmp_path: Path) -> None:
    me = this_process()
    there = f"ffffff-{me.number:x}-{me.start:x}-1"
    for name in (f".old.{there}", f".new.{there}", ".report.b23b594b", ".other.b23b594b", ".hidden.file", ".x.cafe"):
        (tmp_path / name).mkdir()
    (tmp_path / ".table.0123abcd.csv").touch()
    os.utime(tmp_path / f".old.{there}", (0, 0))
    with atomic_folder(tmp_path / "report"):
        pass
    left = [".hidden.file", f".new.{there}", ".other.b23b594b", ".table.0123abcd.csv", ".x.cafe", "report"]
    assert names(tmp_path) == left
    files._tidied.clear()
    with atomic_path(tmp_path / "table.csv") as path:
        path.touch()
    assert ".table.0123abcd.csv" not in names(tmp_path)


def test_a_name_of_255_bytes_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 125 + ".json")
    with atomic_path(path) as temporary:
        temporary.write_text("{}")
    assert names(tmp_path) == [path.name]


def test_make_clean_knows_the_names(tmp_path: Path) -> None:
    makefile = REPOSITORY / "Makefile"
    (tmp_path / "reports" / "ls_vit").mkdir(parents=True)
    for name in (f".ls_vit.{token()}", ".ls_vit.b23b594b"):
        (tmp_path / "reports" / name).mkdir()
    (tmp_path / "reports" / ".gitignore").touch()
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / f".test.{token()}.json").touch()
    done = subprocess.run(["make", "-f", str(makefile), "clean"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert names(tmp_path / "reports") == [".gitignore", "ls_vit"]
    assert names(tmp_path / "metrics") == []

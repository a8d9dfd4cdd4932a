"""Real signals to real processes: a command, its worker processes, and all of them at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from humotion.system.processes import start_of

# A command with a report, as every stage has one, and two kinds of worker processes. It gets no faster than 60 s.
COMMAND = """
import sys, time
from pathlib import Path
import typer
from humotion.cli import main as cli
from humotion.files import atomic_folder

class Numbers:
    def __len__(self): return 10_000
    def __getitem__(self, index):
        time.sleep(0.01)
        return index

def say(text):
    with open("said", "a") as stream:  # the terminal may be closed
        print(text, file=stream)

def nap(seconds):
    time.sleep(seconds)
    return seconds

@cli.app.command()
def alone():
    with atomic_folder(Path("report")):
        say("ready")
        time.sleep(60)

@cli.app.command()
def chat():
    say("ready")
    while True:
        print(".", flush=True)
        time.sleep(0.01)

@cli.app.command()
def loader():
    from humotion.clips.datamodule import Loader, set_up_worker
    with atomic_folder(Path("report")):
        for number, _ in enumerate(Loader(Numbers(), num_workers=2, worker_init_fn=set_up_worker)):
            if number == 3:
                say("ready")

@cli.app.command()
def pool():
    from joblib import delayed
    from humotion.parallel import run_unordered
    from humotion.params.machine import MachineParams
    with atomic_folder(Path("report")):
        for _ in run_unordered((delayed(time.sleep)(0.2) for _ in range(300)), MachineParams(workers=2)):
            say("ready")

@cli.app.command()
def write():
    from humotion.system.signals import held_back
    with held_back():
        say("ready")
        time.sleep(1)
        say("written")
    time.sleep(60)

cli.main()
"""


_started: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    """Also after a failed test."""
    yield
    while _started:
        for number in members(_started.pop().pid):
            os.kill(number, signal.SIGKILL)


def start(folder: Path, command: str, stream: int | None = None) -> subprocess.Popen[str]:
    """Start a command in a session of its own, and wait until it works."""
    (folder / "command.py").write_text(COMMAND)
    process = subprocess.Popen(
        [sys.executable, "command.py", command],
        cwd=folder,
        stdout=stream or subprocess.PIPE,
        stderr=stream or subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    _started.append(process)
    deadline = time.monotonic() + 300
    while not (folder / "said").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def members(session: int) -> list[int]:
    """The living processes of a session, without zombies."""
    numbers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return [number for number in numbers if start_of(number) and _session(number) == session]


def _session(number: int) -> int:
    try:
        return os.getsid(number)
    except ProcessLookupError:
        return -1


def assert_nobody_is_left(session: int) -> None:
    deadline = time.monotonic() + 15
    while left := members(session):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("command", "number"),
    [
        *(("alone", number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)),
        ("loader", signal.SIGTERM),
        ("pool", signal.SIGTERM),
    ],
)
def test_a_signal_to_all_processes_stops_a_command(tmp_path: Path, command: str, number: signal.Signals) -> None:
    process = start(tmp_path, command)
    os.killpg(process.pid, number)
    said, _ = process.communicate(timeout=60)
    name = "Ctrl-C" if number == signal.SIGINT else number.name
    assert (
        said == f"humotion: Stopped by {name}. No output is half-written. The same command starts again, or resumes.\n"
    )
    assert process.returncode == 128 + number
    assert_nobody_is_left(process.pid)
    assert not list(tmp_path.glob(".report*")) + list(tmp_path.glob("report"))


@pytest.mark.parametrize("command", ["loader", "pool"])
def test_workers_end_with_a_killed_parent(tmp_path: Path, command: str) -> None:
    process = start(tmp_path, command)
    workers = [number for number in members(process.pid) if number != process.pid]
    assert len(workers) >= 2
    process.kill()
    process.communicate()
    assert_nobody_is_left(process.pid)


def test_several_signals_at_once_are_one(tmp_path: Path) -> None:
    """As systemd sends them with SendSIGHUP, and as a closing terminal does."""
    process = start(tmp_path, "alone")
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        os.killpg(process.pid, number)
    said, _ = process.communicate(timeout=60)
    assert "Traceback" not in said
    assert process.returncode in (128 + signal.SIGTERM, 128 + signal.SIGHUP, 128 + signal.SIGINT)
    assert not list(tmp_path.glob(".report*"))


def test_a_write_is_not_torn(tmp_path: Path) -> None:
    process = start(tmp_path, "write")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert (tmp_path / "said").read_text() == "ready\nwritten\n"
    assert process.returncode == 128 + signal.SIGTERM


def test_the_terminal_is_closed(tmp_path: Path) -> None:
    """The kernel sends SIGHUP, and every write to the terminal is an error from then on."""
    ours, theirs = os.openpty()
    process = start(tmp_path, "chat", theirs)
    os.close(theirs)
    os.close(ours)
    os.killpg(process.pid, signal.SIGHUP)
    assert process.wait(60) == 128 + signal.SIGHUP


def test_nohup(tmp_path: Path) -> None:
    (tmp_path / "command.py").write_text(COMMAND)
    process = subprocess.Popen(["nohup", sys.executable, "command.py", "alone"], cwd=tmp_path, stdout=-1, stderr=-1)
    while not (tmp_path / "said").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM


WORKER = """
import multiprocessing.resource_sharer as sharer
import os, socket, sys, time
from humotion.system.signals import obey_only_the_parent

obey_only_the_parent()
with open(os.devnull) as stream:
    address, _ = sharer.DupFd(stream.fileno())._id
parent = socket.socket(socket.AF_UNIX)
parent.connect(address)
time.sleep(0.5)  # the worker has sent its challenge
parent.close()  # unread bytes: the worker's connection is reset
time.sleep(0.5)
raise RuntimeError("a real fault") if "fault" in sys.argv else SystemExit
"""


@pytest.mark.parametrize("fault", ["none", "fault"])
def test_a_worker_says_nothing_of_a_parent_that_hangs_up(fault: str) -> None:
    """The parent stopped while it took a tensor from the worker; faults of the worker's own are still printed."""
    done = subprocess.run([sys.executable, "-c", WORKER, fault], capture_output=True, text=True, timeout=120)
    assert "Connection" not in done.stderr
    assert done.stderr.splitlines()[-1:] == ([] if fault == "none" else ["RuntimeError: a real fault"])

"""The two web servers, started as a user starts them, on free ports of the loopback interface."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from tests.browser.project import environment
from tests.support.repository import REPOSITORY

PATIENCE = 300.0  # seconds; the MLflow server takes half a minute on a machine with nothing else to do


def mlflow_ui() -> list[str]:
    """What `make ui` runs, without the set-up before it."""
    lines = (REPOSITORY / "Makefile").read_text().splitlines()
    (command,) = [line.strip().replace("$$", "$") for line in lines if line.startswith("\thumotion track ui ")]
    return ["/bin/sh", "-c", f"exec {command}"]


@contextmanager
def serving(command: list[str], project: Path, port: int) -> Iterator[str]:
    """Run a server in the project until the block ends; its address, once it answers."""
    address = f"http://127.0.0.1:{port}"
    log = project / f"server-{port}.log"
    with log.open("w") as stream:
        server = subprocess.Popen(
            command,
            cwd=project,
            env={**environment(), "PORT": str(port)},
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, so that its workers end with it
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(address):
            assert server.poll() is None and time.monotonic() < deadline, f"{command}\n{log.read_text()[-4000:]}"
            time.sleep(0.5)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def answers(address: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=10) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

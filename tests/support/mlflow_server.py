"""A real MLflow server on this machine, which can be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests


class Server:
    """``mlflow server`` over a database and a folder of artifacts in ``folder``; it may ask for passwords."""

    def __init__(self, folder: Path, passwords: Path | None = None) -> None:
        self.folder, self.passwords = folder, passwords
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        options = ["--backend-store-uri", f"sqlite:///{self.folder / 'mlflow.db'}", "--port", str(self.port)]
        options += ["--artifacts-destination", str(self.folder / "artifacts"), "--workers", "1"]
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_TRACKING_URI": ""}
        if self.passwords is not None:
            options += ["--app-name", "basic-auth"]
            environment |= {"MLFLOW_AUTH_CONFIG_PATH": str(self.passwords), "MLFLOW_FLASK_SERVER_SECRET_KEY": "test"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *options],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 240
        while not self.answers():
            assert self._process.poll() is None, "the server ended"
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.uri}/health", timeout=1).status_code == 200
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """As by a crash: without a chance to finish anything."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)  # of its own session, started above
            self._process.wait()
            self._process = None

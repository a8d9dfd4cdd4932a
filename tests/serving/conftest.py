"""A server on the loopback, as `humotion serve` starts it, with an untrained model."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn

from humotion.prediction.predictor import load_predictor
from humotion.serving.app import make_app
from humotion.serving.limits import ServeLimits
from tests.support.tiny_models import make_task, write_model_folder


class Client:
    """Asks a server; answers are (status, content)."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> tuple[int, Any]:
        return self._read(requests.get(self.url + path, timeout=60))

    def post(self, path: str, **content: Any) -> tuple[int, Any]:
        return self._read(requests.post(self.url + path, timeout=60, **content))

    def upload(self, path: Path, name: str | None = None) -> tuple[int, Any]:
        with path.open("rb") as file:
            return self.post("/predict", params={"name": name or path.name}, data=file)

    @staticmethod
    def _read(answer: requests.Response) -> tuple[int, Any]:
        assert "Traceback" not in answer.text
        is_json = answer.headers["content-type"] == "application/json"
        return answer.status_code, answer.json() if is_json else answer.text


@contextmanager
def running(app: Any) -> Iterator[str]:
    """Run an ASGI application while the block does; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as place:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([place],))
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{place.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model_folder(tmp_path / "model", make_task("action_recognition"), "action_recognition")


@pytest.fixture
def served(model: Path) -> Iterator[Callable[..., Client]]:
    """Starts a server with limits."""
    with ExitStack() as stack:

        def start(**limits: Any) -> Client:
            app = make_app([load_predictor(model)], ServeLimits(**limits))
            return Client(stack.enter_context(running(app)))

        yield start

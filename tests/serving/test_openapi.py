"""Requests that schemathesis makes from the server's own description, and some that break it: never a fault."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from humotion.prediction.predictor import load_predictor
from humotion.serving.app import make_app
from humotion.serving.limits import ServeLimits
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.trees import write_video


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("served")
    model = write_model_folder(folder / "model", make_task("action_recognition"), "action_recognition")
    write_video(folder / "root" / "clip.mp4", num_frames=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", _nobody)
        patch.chdir(folder)
        yield schemathesis.openapi.from_asgi(
            "/openapi.json", make_app([load_predictor(model)], ServeLimits(root=Path("root"), bytes=10_000))
        )


def _nobody(*_: Any, **__: Any) -> Any:
    raise socket.gaierror("no names in this test")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", "/health"), ("GET", "/models"), ("GET", "/metrics")),
        *(("POST", "/predict"), ("POST", "/predict/address"), ("POST", "/predict/path")),
    ],
)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=["as described", "otherwise"])
def test_every_request_gets_an_answer_of_the_description(
    app: Any, method: str, path: str, mode: GenerationMode
) -> None:
    operation = app[path][method]

    @settings(max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        response = case.call()
        assert response.status_code < 500, response.text
        # A body of any bytes is as described, and is no video: so neither kind of request has a known outcome.
        case.validate_response(
            response, excluded_checks=[checks.positive_data_acceptance, checks.negative_data_rejection]
        )

    try:
        ask()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE and method == "GET", "only requests without values cannot be wrong"

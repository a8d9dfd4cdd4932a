"""The endpoints of `humotion serve`. Errors are a JSON object with one sentence, ``error``."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from humotion.prediction.predictor import Predictor
from humotion.serving.bodies import Bodies
from humotion.serving.desk import Desk
from humotion.serving.download import download
from humotion.serving.limits import Refused, ServeLimits, inside
from humotion.serving.metrics import CONTENT_TYPE, Metrics
from humotion.video.listing import is_video

_logger = logging.getLogger(__name__)
_UPLOAD = "/predict"
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
Name = Annotated[str, Query(max_length=255, description="File name of the video; its ending helps to read it.")]


class Failure(BaseModel):
    """Why there is no answer."""

    error: str


class Address(BaseModel):
    """A video on another server."""

    url: str = Field(max_length=2000, description="http:// or https://")


class Place(BaseModel):
    """A video below the server's root."""

    path: str = Field(max_length=4000)


_FAILURES: dict[int | str, dict[str, Any]] = {
    400: {"model": Failure, "description": "The request, or the address in it, is not usable."},
    403: {"model": Failure, "description": "This server does not read that."},
    404: {"model": Failure, "description": "There is nothing there."},
    408: {"model": Failure, "description": "Sending or downloading took too long."},
    413: {"model": Failure, "description": "Too many bytes, seconds or pixels."},
    422: {"model": Failure, "description": "The video cannot be read, or the request has another form."},
    500: {"model": Failure, "description": "A fault of the server."},
    503: {"model": Failure, "description": "Too many videos wait."},
}


def make_app(predictors: Sequence[Predictor], limits: ServeLimits) -> FastAPI:
    """The server of some models."""
    metrics = Metrics()
    desk = Desk(predictors, limits, metrics.clips.observe)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        desk.close()

    app = FastAPI(title="humotion", summary="Actions and joints of people in videos", lifespan=life)
    app.add_middleware(Bodies, upload=_UPLOAD, seconds=limits.seconds)
    _add_errors(app)
    _add_state(app, desk, metrics)
    _add_questions(app, desk, metrics)
    return app


def _add_state(app: FastAPI, desk: Desk, metrics: Metrics) -> None:
    """Count requests, and say what the server is and does."""

    @app.middleware("http")
    async def count(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        start = time.monotonic()
        response = await call(request)
        route = request.scope.get("route")
        endpoint = getattr(route, "path", "other")
        metrics.requests.labels(endpoint, response.status_code).inc()
        metrics.seconds.labels(endpoint).observe(time.monotonic() - start)
        return response

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """Whether the server answers."""
        return {"status": "ok", "waiting": desk.num_waiting}

    @app.get("/models")
    async def models() -> list[dict[str, Any]]:
        """The models that answer."""
        return [
            {
                **{name: getattr(one.description, name) for name in ("experiment", "dataset", "task", "validation")},
                "classes": one.description.meta.get("classes", []),
                "run_id": one.description.run_id,
            }
            for one in desk.predictors
        ]

    @app.get("/metrics", response_class=Response)
    async def counted() -> Response:
        """Counters for Prometheus."""
        metrics.waiting.set(desk.num_waiting)
        return Response(metrics.text(), media_type=CONTENT_TYPE)


def _add_questions(app: FastAPI, desk: Desk, metrics: Metrics) -> None:
    """Answer about videos."""
    limits = desk.limits

    async def answer(path: Path, name: str) -> dict[str, Any]:
        facts = await desk.answer(path, name)
        metrics.frames.inc(facts["num_frames"])
        return facts

    @app.post(_UPLOAD, responses=_FAILURES, openapi_extra=_BODY)
    async def predict(request: Request, name: Name = "video.mp4") -> dict[str, Any]:
        """What the models say of the video in the body."""
        with desk.place(), TemporaryDirectory(prefix="humotion-") as folder:
            path = Path(folder) / f"video{_ending(name)}"
            metrics.bytes.inc(await _receive(request, path, limits))
            return await answer(path, name)

    @app.post("/predict/address", responses=_FAILURES)
    async def predict_address(address: Address) -> dict[str, Any]:
        """What the models say of a video on another server."""
        with desk.place(), TemporaryDirectory(prefix="humotion-") as folder:
            name = PurePosixPath(address.url.partition("?")[0]).name
            path = Path(folder) / f"video{_ending(name)}"
            await asyncio.to_thread(download, address.url, path, limits)
            metrics.bytes.inc(path.stat().st_size)
            return await answer(path, address.url)

    @app.post("/predict/path", responses=_FAILURES)
    async def predict_path(place: Place) -> dict[str, Any]:
        """What the models say of a video below the server's root."""
        with desk.place():
            return await answer(inside(limits.root, place.path), place.path)


def _add_errors(app: FastAPI) -> None:
    """Answer every error with one sentence."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> Response:
        headers = {"Retry-After": "5"} if error.status == 503 else None
        return JSONResponse({"error": str(error)}, error.status, headers)

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        return JSONResponse({"error": f"{error.detail}."}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def wrong(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return JSONResponse({"error": f"{place}: {first['msg']}."}, 422)

    @app.exception_handler(Exception)
    async def fault(_: Request, error: Exception) -> Response:
        _logger.error("A request failed.", exc_info=error)
        return JSONResponse({"error": "The server has a fault; its log says which."}, 500)


async def _receive(request: Request, path: Path, limits: ServeLimits) -> int:
    """Write the body of a request to a file; return its size."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal():
        limits.check_size(int(declared))
    size = 0
    try:
        async with asyncio.timeout(limits.seconds):
            with path.open("wb") as file:
                async for piece in request.stream():
                    size += len(piece)
                    limits.check_size(size)
                    file.write(piece)
    except TimeoutError:
        raise Refused(f"Sending the video took more than {limits.seconds:g} s.", 408) from None
    except ClientDisconnect:
        raise Refused("The client left.") from None
    if not size:
        raise Refused("The body is empty: send the bytes of a video.")
    return size


def _ending(name: str) -> str:
    """The ending of a video's name, if it is one: nothing else of a stranger's name becomes part of a path."""
    return PurePosixPath(name).suffix.lower() if is_video(name) else ""

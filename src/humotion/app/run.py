"""Start the page, as a server that asks no other server for anything."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from humotion.app.shelf import Shelf
from humotion.app.uploads import Uploads
from humotion.errors import HumotionError
from humotion.prediction.sources import sources_of
from humotion.serving.bodies import Bodies
from humotion.serving.limits import ServeLimits

_MOST_EXAMPLES = 24
_UPLOAD = "/gradio_api/upload"
_SECONDS_TO_FINISH = 2  # a browser holds a connection open as long as the page is there
_OWN = "'self' data: blob:"
POLICY = f"default-src {_OWN} 'unsafe-inline' 'unsafe-eval'; base-uri 'self'; form-action 'self'; object-src 'none'"
"""The browser loads what this server has and nothing else, whatever the page's code asks for."""


def show_page(models: Sequence[str], host: str, port: int, limits: ServeLimits, examples: Path | None = None) -> None:
    """Serve the page until Ctrl-C.

    Args:
        models: model folders or MLflow model URIs; empty: every folder below ``models/``.
        host: the address at which it listens.
        port: 0 for one that is free.
        limits: what it accepts.
        examples: a folder of clips to try.

    Raises:
        HumotionError: there is no model or no example, or the address cannot be used.
    """
    from humotion.serving.listen import listen

    clips = [] if examples is None else _clips(examples)
    shelf = Shelf(models)
    with TemporaryDirectory(prefix="humotion-app-") as folder:
        app = make_app(shelf, limits, Path(folder), clips)
        listen(app, host, port, lambda name: f"The page is at {name} ({len(shelf.names)} models).", _SECONDS_TO_FINISH)


def make_app(shelf: Shelf, limits: ServeLimits, folder: Path, examples: Sequence[Path] = ()) -> Any:
    """Return the page as an ASGI application.

    Args:
        shelf: the models.
        limits: of a clip, and of those that wait.
        folder: an existing folder for all files of the page. Whoever makes the folder deletes it.
        examples: clips to try.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported
    (folder / "uploads").mkdir()
    uploads = Uploads(folder / "uploads")
    os.environ["GRADIO_TEMP_DIR"] = str(uploads.folder)
    import gradio as gr
    from fastapi import FastAPI

    from humotion.app.page import Page
    from humotion.app.sides import STYLE

    undocumented: dict[str, Any] = {"docs_url": None, "redoc_url": None, "openapi_url": None}
    page = Page(shelf, limits, folder, uploads, examples)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        page.close()

    app = FastAPI(**undocumented, lifespan=life)
    gr.mount_gradio_app(
        app,
        page.blocks,
        path="/",
        css=STYLE,
        app_kwargs=undocumented,
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=limits.bytes,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
    )
    return _with_policy(Bodies(app, _UPLOAD, limits.seconds))


def _with_policy(app: Any) -> Any:
    """An ASGI application whose answers tell the browser to load nothing from elsewhere."""
    headers = [(b"content-security-policy", POLICY.encode()), (b"referrer-policy", b"no-referrer")]

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *headers]}
            await send(message)

        await app(scope, receive, send_with_policy)

    return answer


def _clips(folder: Path) -> list[Path]:
    """The first videos of a folder."""
    if not folder.is_dir():
        raise HumotionError(f"--examples {folder} is no folder.")
    found = [source.path for source in sources_of([str(folder)]) if source.path.is_file()]
    if not found:
        raise HumotionError(f"--examples {folder} holds no video file.")
    return found[:_MOST_EXAMPLES]

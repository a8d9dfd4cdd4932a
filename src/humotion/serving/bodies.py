"""Bound what a client may send, before the application reads it.

uvicorn takes all of a body that the application did not read, also after the answer: 10 GB of a video that was refused,
for hours. And FastAPI and Gradio read the body of a request that is no upload into memory, whatever its size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

MOST_BYTES = 1 << 18
"""Of a body that is no upload."""


class Bodies:
    """An ASGI application in which bodies are small, but for uploads, and in which the connection ends with a refusal.

    Args:
        app: the application.
        upload: the path whose bodies may be large; the application bounds them.
        seconds: in which another body must be there.
    """

    def __init__(self, app: Any, upload: str, seconds: float) -> None:
        self._app, self._upload, self._seconds = app, upload, seconds

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See ASGI."""
        headers = {name: value for name, value in scope.get("headers", ()) if name in _OF_A_BODY}
        if scope["type"] != "http" or not headers or headers.get(b"content-length") == b"0":
            await self._app(scope, receive, send)
            return
        body = _Body(receive)
        try:
            if scope["path"] != self._upload:
                async with asyncio.timeout(self._seconds):
                    await body.read(MOST_BYTES)
        except (TimeoutError, ValueError) as error:
            is_slow = isinstance(error, TimeoutError)
            said = f"takes more than {self._seconds:g} s" if is_slow else f"has more than {MOST_BYTES} bytes"
            refusal = JSONResponse({"error": f"The request {said}, which is the limit."}, 408 if is_slow else 413)
            await refusal(scope, body.receive, body.ending(send))
        except ClientDisconnect:
            return
        else:
            await self._app(scope, body.receive, body.ending(send))


_OF_A_BODY = (b"content-length", b"transfer-encoding")


class _Body:
    """A body that is on its way."""

    def __init__(self, receive: Callable[[], Any]) -> None:
        self._receive = receive
        self._read: list[bytes] | None = None
        self._is_complete = False

    async def read(self, most: int) -> None:
        """Read all of it; raises a ValueError if that are more than ``most`` bytes."""
        pieces, size = [], 0
        while not self._is_complete:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > most:
                raise ValueError
        self._read = pieces

    async def receive(self) -> Any:
        """See ASGI; what was read comes first."""
        if self._read is not None:
            body, self._read = b"".join(self._read), None
            return {"type": "http.request", "body": body, "more_body": False}
        message = await self._receive()
        self._is_complete |= message["type"] == "http.request" and not message.get("more_body", False)
        return message

    def ending(self, send: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A ``send`` by which an answer ends the connection, if not all of the body was read before it."""

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start" and not self._is_complete:
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        return sent

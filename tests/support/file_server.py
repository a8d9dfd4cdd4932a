"""A real HTTP server on the loopback that serves files badly, in every way that the world does."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.support.loopback import LoopbackServer, OwnedServer


@dataclass
class Served:
    """A file and the ways in which its server errs.

    ``breaks``: how many bytes of the body each successive request gets before the connection is cut.
    ``declared``: what Content-Length says instead of the truth. ``stalls``: after how many bytes each
    successive request hears nothing more. ``statuses``: answers in place of the file, one a request.
    ``rate``: bytes a second.
    """

    content: bytes
    etag: str | None = '"v1"'
    ranges: bool = True
    heeds_if_range: bool = True
    breaks: list[int] = field(default_factory=list)
    declared: int | None = None
    stalls: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    location: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    rate: float | None = None


@dataclass
class Request:
    """What was asked and how many bytes of the body were sent."""

    path: str
    range: str | None
    sent: int = 0


class _Handler(BaseHTTPRequestHandler):
    server: OwnedServer

    def do_GET(self) -> None:
        request = Request(self.path.lstrip("/"), self.headers["Range"])
        self.server.owner.requests.append(request)
        served = self.server.owner.files.get(request.path)
        if served is None:
            self.send_error(404)
        elif served.statuses:
            self.send_error(served.statuses.pop(0))
        elif served.location:
            self._head(302, {"Location": served.location, "Content-Length": "0"})
        else:
            self._serve(served, request)

    def _serve(self, served: Served, request: Request) -> None:
        start = 0
        is_same = self.headers["If-Range"] == served.etag or not served.heeds_if_range
        if request.range and served.ranges and is_same:
            start = int(request.range.removeprefix("bytes=").removesuffix("-"))
        if start and start >= len(served.content):
            self._head(416, {"Content-Range": f"bytes */{len(served.content)}", "Content-Length": "0"})
            return
        total = len(served.content) if served.declared is None else served.declared
        headers = {"Content-Length": str(total - start), **served.headers}
        if served.etag:
            headers["ETag"] = served.etag
        if start:
            headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        self._head(206 if start else 200, headers)
        self._send(served, request, served.content[start:])

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, served: Served, request: Request, body: bytes) -> None:
        stall = served.stalls.pop(0) if served.stalls else None
        cut = served.breaks.pop(0) if served.breaks else len(body)
        body = body[: cut if stall is None else stall]
        step = 4096 if served.rate else 65536
        try:
            for at in range(0, len(body), step):
                chunk = body[at : at + step]
                self.wfile.write(chunk)
                request.sent += len(chunk)
                if served.rate:
                    time.sleep(len(chunk) / served.rate)
            if stall is not None:
                time.sleep(2)
        except OSError:  # the client has gone
            pass
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass


class FileServer(LoopbackServer):
    """Serves ``files`` by path and logs ``requests``."""

    handler = _Handler

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, Served] = {}
        self.requests: list[Request] = []

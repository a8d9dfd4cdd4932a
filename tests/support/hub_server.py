"""The part of the hub's protocol that a download needs, on the loopback: HEAD and GET of ``/NAME/resolve/REV/FILE``."""

from __future__ import annotations

import hashlib
from http.server import BaseHTTPRequestHandler

from tests.support.loopback import LoopbackServer, OwnedServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"  # where main and v1 stand at first


class _Handler(BaseHTTPRequestHandler):
    server: OwnedServer

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def _answer(self, with_content: bool) -> None:
        self.server.owner.requests.append((self.command, self.path))
        status, headers, content = self.server.owner.answer(self.path)
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if with_content:
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing on stderr."""


class HubServer(LoopbackServer):
    """Serves ``files`` (content by ``name/file``) at the revisions main, v1 and ``commit``, and logs ``requests``.

    Models in ``gated`` want a token; to one in ``private`` it says 401, as to one that is not there; others that
    have no file are not there. ``busy``: it says so to all, and to come back at once.
    """

    handler = _Handler

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.gated: set[str] = set()
        self.private: set[str] = set()
        self.commit, self.busy = COMMIT, False
        self.requests: list[tuple[str, str]] = []

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content of a request."""
        name, _, rest = path.lstrip("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        if self.busy:
            return 503, {"Retry-After": "0"}, b""
        if name in self.gated:
            return 401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."}, b""
        if name in self.private:
            return 401, {"X-Error-Message": "Invalid username or password."}, b""
        if not any(key.startswith(f"{name}/") for key in self.files):
            return 404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}, b""
        if revision not in ("main", "v1", self.commit):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        headers = {"X-Repo-Commit": self.commit}
        if f"{name}/{file}" not in self.files:
            return 404, {**headers, "X-Error-Code": "EntryNotFound"}, b""
        content = self.files[f"{name}/{file}"]
        return 200, {**headers, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}, content

"""Clients of a server, good ones and those that a server on the internet meets, too."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

TIMEOUT = 300
PIECES, PAUSE = 5, 0.1
"""Of a slow client: so many pieces, with so many seconds between them."""
KEPT_SECONDS = 2
"""A connection that was not used for so long is not used again: the server ends those that rest for 5 s."""
REFUSED_AT = 1_000_000
"""Bytes at which the server is told to refuse an upload."""


class Unexpected(Exception):
    """An answer that is wrong for what was sent."""


class Clients:
    """Requests about one clip; each method sends one, and raises `Unexpected` if the answer is wrong.

    Args:
        port: of the server, on this machine.
        content: of the clip.
        name: of the clip.
    """

    def __init__(self, port: int, content: bytes, name: str) -> None:
        self._port, self._content, self._place = port, content, f"/predict?name={quote(name)}"
        self._kept = threading.local()

    @property
    def odd(self) -> Mapping[str, Callable[[], None]]:
        """Those that are no usual request, by what is special."""
        return {
            "half a file": lambda: self._expect({200, 422}, self._content[: len(self._content) // 2]),
            "no video": lambda: self._expect({422}, b"\0no video" * 50),
            "a playlist": lambda: self._expect({422}, b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
            "nothing": lambda: self._expect({400}, b""),
            "too large": lambda: self._expect({413}, bytes(REFUSED_AT + 1)),
            "too large, said too late": lambda: self._expect({413}, iter([bytes(REFUSED_AT), b"x"])),
            "an address of this machine": self.private_address,
            "slow": lambda: self._expect({200}, self._slowly()),
            "hangs up while it sends": lambda: self._hang_up(self._content[: len(self._content) // 2], 0.01),
            "hangs up before the answer": lambda: self._hang_up(self._content, 0.0),
            "hangs up while it is answered": lambda: self._hang_up(self._content, 0.02),
        }

    def good(self) -> None:
        """Send the clip, over a connection that is kept."""
        line = getattr(self._kept, "line", None)
        if line is None or time.monotonic() - self._kept.used > KEPT_SECONDS:
            self._kept.line = line = self._connect()
        try:
            line.request("POST", self._place, self._content)
            answer = line.getresponse()
            facts = json.loads(answer.read())
            self._kept.used = time.monotonic()
        except (OSError, http.client.HTTPException):
            self._kept.line = None
            raise
        if answer.status != 200 or not facts["num_frames"]:
            raise Unexpected(f"{answer.status}: {facts}")

    def private_address(self) -> None:
        """Ask for a file of this machine by its address."""
        body = json.dumps({"url": f"http://127.0.0.1:{self._port}/health"}).encode()
        self._expect({403}, body, "/predict/address", {"Content-Type": "application/json"})

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)

    def _expect(self, statuses: set[int], body: Any, place: str = "", headers: Mapping[str, str] | None = None) -> None:
        line = self._connect()
        try:
            # The server may answer and close before all is sent.
            with suppress(BrokenPipeError, ConnectionResetError):
                line.request("POST", place or self._place, body, dict(headers or {}))
            try:
                answer = line.getresponse()
            except (ConnectionError, http.client.RemoteDisconnected):
                if statuses == {413}:
                    return
                raise
            facts = json.loads(answer.read())
        finally:
            line.close()
        if answer.status not in statuses or (answer.status >= 400 and not facts["error"]):
            raise Unexpected(f"{answer.status}: {facts}")

    def _slowly(self) -> Iterator[bytes]:
        step = len(self._content) // PIECES + 1
        for start in range(0, len(self._content), step):
            time.sleep(PAUSE)
            yield self._content[start : start + step]

    def _hang_up(self, sent: bytes, seconds: float) -> None:
        head = f"POST {self._place} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(self._content)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self._port), TIMEOUT) as line:
            line.sendall(head.encode() + sent)
            time.sleep(seconds)

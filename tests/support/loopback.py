"""An HTTP server on the loopback that runs while its block does; what it answers is its handler's."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class LoopbackServer:
    """Serves at ``url``; its handler finds it as ``self.server.owner``."""

    handler: type[BaseHTTPRequestHandler]

    def __init__(self) -> None:
        self._http = OwnedServer(("127.0.0.1", 0), self.handler)
        self._http.owner = self
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class OwnedServer(ThreadingHTTPServer):
    """What a handler calls ``self.server``."""

    daemon_threads = True
    block_on_close = False
    owner: Any

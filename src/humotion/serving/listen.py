"""Let a web application answer at an address until Ctrl-C."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from humotion.errors import HumotionError

_logger = logging.getLogger(__name__)


def listen(app: Any, host: str, port: int, ready: Callable[[str], str], seconds_to_finish: int | None = None) -> None:
    """Answer requests until Ctrl-C.

    Args:
        app: an ASGI application.
        host: the address at which it listens.
        port: 0 for one that is free.
        ready: the sentence that is printed once it answers, from its address (http://...).
        seconds_to_finish: of requests that are being answered when it is to end; None: as many as they need.

    Raises:
        HumotionError: nothing can listen there.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        timeout_keep_alive=5,
        timeout_graceful_shutdown=seconds_to_finish,
        server_header=False,
    )
    try:
        place = config.bind_socket()
    except SystemExit:
        raise HumotionError(f"Nothing can listen at {host}:{port}: another program does, or it may not.") from None
    if not _is_loopback(host):
        _logger.warning("%s is seen by other machines, and the server asks nobody for a password.", host)
    name = f"http://{host}:{place.getsockname()[1]}"
    _Server(config, f"{ready(name)} Ctrl-C ends it.").run([place])


class _Server(uvicorn.Server):
    """Says that it is ready when it answers, not before."""

    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        await super().startup(sockets)
        if self.started:
            print(self._ready, flush=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""Start a server."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Sequence

import uvicorn

from humotion.errors import HumotionError
from humotion.prediction.models import model_folders
from humotion.prediction.predictor import load_predictor
from humotion.serving.app import make_app
from humotion.serving.limits import ServeLimits

_logger = logging.getLogger(__name__)


def serve(models: Sequence[str], host: str, port: int, limits: ServeLimits) -> None:
    """Serve models until Ctrl-C.

    Args:
        models: model folders or MLflow model URIs; empty: every folder below ``models/``.
        host: the address at which it listens.
        port: 0 for one that is free.
        limits: what it accepts.

    Raises:
        HumotionError: there is no model, or the root or the address cannot be used.
    """
    if limits.root is not None and not limits.root.is_dir():
        raise HumotionError(f"--root {limits.root} is no folder.")
    predictors = [load_predictor(folder) for folder in model_folders(models)]
    config = uvicorn.Config(
        make_app(predictors, limits),
        host=host,
        port=port,
        log_level="warning",
        timeout_keep_alive=5,
        server_header=False,
    )
    try:
        place = config.bind_socket()
    except SystemExit:
        raise HumotionError(f"Nothing can listen at {host}:{port}: another program does, or it may not.") from None
    if not _is_loopback(host):
        _logger.warning("%s is seen by other machines, and the server asks nobody for a password.", host)
    name = f"http://{host}:{place.getsockname()[1]}"
    names = ", ".join(one.description.experiment for one in predictors)
    _Server(config, f"{names} at {name} (help: {name}/docs). Ctrl-C ends it.").run([place])


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

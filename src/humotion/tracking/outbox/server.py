"""Remote MLflow stores: which stores are remote, and whether a store answers or refuses.

If a store does not answer, a training continues without it. If a store answers but refuses (wrong password, wrong
address), this is a mistake of the user, which is reported immediately.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request
from sqlalchemy.exc import DBAPIError

from humotion.errors import HumotionError
from humotion.tracking.address import shown

DATABASES = {"postgresql": 5432, "postgres": 5432, "mysql": 3306, "mssql": 1433}  # and their usual ports
PATIENCE = 5  # seconds for a sign of life
_GATEWAY = (502, 503, 504)  # answers of a proxy whose server does not answer
_PASSING = (408, 429)  # the 4xx codes that mean: try again later


def is_remote(uri: str) -> bool:
    """Whether a store is on the network, so that it may be unreachable."""
    scheme = urlsplit(uri).scheme.split("+")[0]
    return scheme in ("http", "https", *DATABASES)


def why_unreachable(uri: str) -> str | None:
    """Why a remote store does not answer, or None if it does.

    Raises:
        HumotionError: it answers, but refuses.
    """
    # By default, MLflow makes seven retries with growing pauses, which takes minutes for every request.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    try:
        if (problem := _no_sign_of_life(uri)) is not None:
            return problem
        MlflowClient(uri).search_experiments(max_results=1)
    except Exception as error:  # MLflow raises its own errors, and those of SQLAlchemy and requests
        if refuses(error) or isinstance(error, DBAPIError):
            raise HumotionError(
                f"The MLflow store {shown(uri)} answers, but refuses: {first_line(error)}. "
                "Fix MLFLOW_TRACKING_URI or machine.tracking_uri, or the user and the password."
            ) from error
        return first_line(error)
    return None


def refuses(error: BaseException) -> bool:
    """Whether an error is an answer of the server and not an outage: then the same request will fail again."""
    causes = list(_causes(error))
    if any(isinstance(cause, requests.exceptions.SSLError) for cause in causes):
        return True
    if any(isinstance(cause, requests.exceptions.RequestException) for cause in causes):
        return False
    if not isinstance(error, MlflowException):
        return False
    status = error.get_http_status_code()
    return 400 <= status < 500 and status not in _PASSING


def first_line(error: BaseException) -> str:
    """The text of an error in one line, without a password."""
    text = str(error).strip()
    return shown(text.splitlines()[0][:300]) if text else type(error).__name__


def _no_sign_of_life(uri: str) -> str | None:
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        try:
            answer = http_request(get_default_host_creds(uri), "/health", "GET", max_retries=0, timeout=PATIENCE)
        except MlflowException as error:
            if refuses(error):
                raise
            return f"no answer from {parts.hostname} ({_innermost(error)})"
        return f"it answers {answer.status_code}" if answer.status_code in _GATEWAY else None
    try:
        port = parts.port or DATABASES[parts.scheme.split("+")[0]]
        socket.create_connection((parts.hostname or "localhost", port), PATIENCE).close()
    except OSError as error:
        return f"no answer from {parts.hostname} ({error})"
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _innermost(error: BaseException) -> str:
    *_, last = _causes(error)
    return first_line(last)

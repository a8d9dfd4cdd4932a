"""The database of studies, named by a URL: safe for many processes at once, with a heartbeat for every trial.

The default is ``sqlite:///optuna.db`` at the root of the main checkout. ``OPTUNA_STORAGE`` has priority.
"""

from __future__ import annotations

import os
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
import sqlalchemy
from filelock import FileLock
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from sqlalchemy.engine import URL, make_url

from humotion.errors import HumotionError
from humotion.work import main_checkout

LOCK_NAME = "humotion-sweep"
WAIT = 60  # seconds that SQLite waits for another process's write

warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


@dataclass(frozen=True)
class Storage:
    """A database of studies. It has only plain values, because every worker process opens its own connection.

    Attributes:
        url: SQLAlchemy URL (``sqlite:///...``, ``postgresql+psycopg://...``, ``mysql+pymysql://...``).
        heartbeat: seconds between two signs of life of a running trial.
        grace: seconds without a sign of life after which a trial counts as dead.
    """

    url: str
    heartbeat: int = 15
    grace: int = 60

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return self._url.render_as_string(hide_password=True)

    def open(self, retries: int) -> RDBStorage:
        """Connect, and create the tables on first use; dead trials are tried again ``retries`` times."""
        with self.locked():
            return RDBStorage(
                self.url,
                engine_kwargs=self._engine_options(),
                heartbeat_interval=self.heartbeat,
                grace_period=self.grace,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(
                    max_retry=retries, inherit_intermediate_values=True
                ),
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the database against every other process that uses it, on this machine and on others.

        Without the lock, creating tables or counting trials before a new one starts would be a race. A process that
        dies releases the lock.
        """
        if self._url.get_backend_name() == "sqlite":
            database = Path(str(self._url.database)).absolute()
            database.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{database}.lock"):
                yield
            return
        with self._server_lock():
            yield

    @contextmanager
    def _server_lock(self) -> Iterator[None]:
        """A lock in the database server, which lasts as long as one connection."""
        statement, argument = {
            "postgresql": ("SELECT pg_advisory_lock(:key)", zlib.crc32(LOCK_NAME.encode())),
            "mysql": ("SELECT GET_LOCK(:key, -1)", LOCK_NAME),
        }[self._url.get_backend_name()]
        try:
            engine = sqlalchemy.create_engine(self.url, poolclass=sqlalchemy.NullPool)
            connection = engine.connect()
        except (ImportError, sqlalchemy.exc.OperationalError) as error:
            raise HumotionError(_unreachable(self.shown, error)) from None
        with connection:
            connection.execute(sqlalchemy.text(statement), {"key": argument})
            yield

    @property
    def _url(self) -> URL:
        return make_url(self.url)

    def _engine_options(self) -> dict[str, object]:
        if self._url.get_backend_name() == "sqlite":
            return {"connect_args": {"timeout": WAIT}}
        return {"pool_pre_ping": True}  # a server may close a connection that was idle for an epoch


def storage(given: str | None = None, configured: str | None = None) -> Storage:
    """The storage in use: ``given``, then ``OPTUNA_STORAGE``, ``machine.sweep_storage``, the checkout's SQLite file.

    Raises:
        HumotionError: it is not a database URL, or that kind of database supports no heartbeat.
    """
    url = given or os.environ.get("OPTUNA_STORAGE") or configured or default_url(main_checkout())
    try:
        backend = make_url(url).get_backend_name()
    except sqlalchemy.exc.ArgumentError:
        raise HumotionError(f"{url!r} is not a database URL. An example is sqlite:///optuna.db.") from None
    if backend not in ("sqlite", "postgresql", "mysql") or url == "sqlite://":
        raise HumotionError(f"{url!r} is not supported. Studies are stored in sqlite (a file), postgresql or mysql.")
    return Storage(url)


def default_url(checkout: Path) -> str:
    """The SQLite file of a checkout."""
    return f"sqlite:///{checkout / 'optuna.db'}"


def _unreachable(shown: str, error: Exception) -> str:
    if isinstance(error, ImportError):
        return f"{shown} needs a database driver: {error}. For PostgreSQL: pip install 'humotion[postgresql]'."
    return f"The database {shown} is unreachable: {str(error).splitlines()[0]}"

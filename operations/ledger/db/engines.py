"""SQLAlchemy's engines for the databases that hold a ledger: a SQLite file, PostgreSQL.

A lost network is noticed by TCP: a write to PostgreSQL that is not acknowledged within 4 seconds,
or an idle connection that is dead for 4 seconds, is an error. A server whose processes are frozen
(SIGSTOP) still acknowledges: calls wait until it goes on, and nothing reports an outage meanwhile.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event
from tenacity import Retrying, retry_if_exception_message, stop_after_delay, wait_random

from operations.errors import InvalidInput, LedgerReplaced
from operations.settings import without_password

BUSY_TIMEOUT = 5000
"""Milliseconds that a SQLite writer waits for another one."""
WRITES = "flowdeck_writes"
"""The execution option of a transaction that means to write."""

_POOL: dict[str, Any] = {"pool_size": 20, "pool_timeout": 1}  # and 10 more connections for a moment
_POSTGRESQL = {
    "connect_timeout": 2,  # seconds; psycopg takes no fewer
    "tcp_user_timeout": 4000,  # milliseconds
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 2,
    "client_encoding": "utf8",
    "application_name": "flowdeck",
    "prepare_threshold": None,  # PgBouncer keeps no prepared statements
}
_SESSION = {
    "timezone": "UTC",  # Python's datetime cannot hold the first and last day of other zones
    "statement_timeout": "3.5s",
    "idle_in_transaction_session_timeout": "10s",  # a process that stands still holds no lock
}


def make_engine(url: URL) -> Engine:
    """Return an engine for a URL; a SQLite file is created if there is none.

    Raises `InvalidInput` for options that libpq does not know, and the drivers' errors.
    """
    return _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)


@dataclass(frozen=True)
class _File:
    """A SQLite file, as it was when it was opened."""

    path: Path
    opened: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self.path.parent):
            if not self.path.exists():
                _create(self.path)
            object.__setattr__(self, "opened", _identity(self.path))

    def connect(self) -> sqlite3.Connection:
        """Open a connection; never creates a file. Raises `LedgerReplaced`."""
        self.check()
        url = f"{self.path.as_uri()}?mode=rw"
        return sqlite3.connect(url, uri=True, check_same_thread=False)

    def check(self, *_: object) -> None:
        """Raise `LedgerReplaced` if another file, or none, has the path now.

        SQLite itself would go on with the file that it opened.
        """
        if _identity(self.path) != self.opened:
            raise LedgerReplaced(str(self.path))


def _create(path: Path) -> None:
    """Create an empty file without the log of one that was deleted: SQLite would replay it."""
    for suffix in ("-wal", "-shm"):
        Path(f"{path.resolve()}{suffix}").unlink(missing_ok=True)
    path.touch(mode=0o644)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Shut out other processes and threads that would create a file in the folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sqlite(url: URL) -> Engine:
    file = _File(Path(str(url.database)).absolute())
    engine = create_engine(url, creator=file.connect, **_POOL)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction fails at its first write if another connection wrote meanwhile.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")

    event.listen(engine, "checkout", file.check)
    _use_wal(engine)
    return engine


def _use_wal(engine: Engine) -> None:
    """Let readers read while another process writes; the file keeps that mode.

    SQLite does not wait for the lock that this takes: processes that open a new file at the same
    moment must try again.
    """
    tries = Retrying(
        retry=retry_if_exception_message(match=".*locked"),
        stop=stop_after_delay(BUSY_TIMEOUT / 1000),
        wait=wait_random(0.01, 0.05),
        reraise=True,
    )
    connection = engine.raw_connection()
    try:
        tries(connection.cursor().execute, "PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def _postgresql(url: URL) -> Engine:
    """Return an engine that checks each connection before it is used."""
    url = url.set(drivername="postgresql+psycopg")
    _check_options(url)
    defaults = {name: value for name, value in _POSTGRESQL.items() if name not in url.query}
    engine = create_engine(url, connect_args=defaults, pool_pre_ping=True, **_POOL)

    @event.listens_for(engine, "connect")
    def configure(connection: psycopg.Connection[Any], _: object) -> None:
        settings = ", ".join(
            f"set_config('{name}', '{to}', false)" for name, to in _SESSION.items()
        )
        connection.autocommit = True
        connection.execute(f"SELECT {settings}")
        connection.autocommit = False

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        """Let a read see one moment, and each statement of a write the latest commit."""
        raw, writes = connection.connection.driver_connection, _writes(connection)
        level = psycopg.IsolationLevel
        if isinstance(raw, psycopg.Connection):
            raw.read_only = not writes
            raw.isolation_level = level.READ_COMMITTED if writes else level.REPEATABLE_READ

    return engine


def _check_options(url: URL) -> None:
    """Raise `InvalidInput` for an option that libpq does not know."""
    _, options = url.get_dialect()().create_connect_args(url)
    try:
        psycopg.conninfo.make_conninfo("", **options)
    except psycopg.ProgrammingError as error:
        found = without_password(url.render_as_string())
        raise InvalidInput("FLOWDECK_LEDGER_URL", found, f"options of libpq ({error})") from error


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get(WRITES))

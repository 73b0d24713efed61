"""SQLAlchemy's engines for the databases of a ledger: a SQLite file, PostgreSQL.

TCP detects a lost network: a write to PostgreSQL that is not acknowledged within 4 seconds,
or an idle connection that is dead for 4 seconds, is an error. A server whose processes are frozen
(SIGSTOP) still acknowledges: calls wait until the server continues, and no outage is reported.
"""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event
from tenacity import Retrying, retry_if_exception_message, stop_after_delay, wait_random

from operations.errors import InvalidInput, LedgerReplaced
from operations.ledger.db.damaged_files import SHM, WAL, locked
from operations.settings import without_password

WRITES = "flowdeck_writes"
"""The execution option of a transaction that writes."""
BUSY_TIMEOUT = 5000
"""Milliseconds for which a SQLite writer waits for another writer."""

_POOL: dict[str, Any] = {"pool_size": 20, "pool_timeout": 1}  # max_overflow adds 10 connections
_MAX_AGE = 300
"""Seconds after which a SQLite connection is replaced: a new one reads new statistics."""
_POSTGRESQL = {
    "connect_timeout": 2,  # seconds; psycopg takes no fewer
    "tcp_user_timeout": 4000,  # milliseconds
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 2,
    "client_encoding": "utf8",
    "application_name": "flowdeck",
    "prepare_threshold": None,  # PgBouncer does not support prepared statements
}
_SESSION = {
    "timezone": "UTC",  # in other zones the first and the last day of datetime overflow
    "statement_timeout": "3.5s",
    "idle_in_transaction_session_timeout": "10s",  # a frozen process must not keep its locks
}


def make_engine(url: URL) -> Engine:
    """Return an engine for a URL; create the SQLite file if it is missing.

    Raises `InvalidInput` for options that libpq does not know, and the errors of the drivers.
    """
    return _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)


@dataclass(frozen=True)
class _File:
    """A SQLite file; `opened` is its device and inode when it was opened."""

    path: Path
    opened: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path.parent):
            if not self.path.exists():
                _create(self.path)
            object.__setattr__(self, "opened", _identity(self.path))

    def connect(self) -> sqlite3.Connection:
        """Open a connection; never creates a file. Raises `LedgerReplaced`."""
        self.check()
        url = f"{self.path.as_uri()}?mode=rw"
        return sqlite3.connect(url, uri=True, check_same_thread=False)

    def check(self, *_: object) -> None:
        """Raise `LedgerReplaced` if the path now has another file, or none.

        SQLite itself would continue with the deleted file.
        """
        if _identity(self.path) != self.opened:
            raise LedgerReplaced(str(self.path))


def _create(path: Path) -> None:
    """Create an empty file; delete the log of a former file, which SQLite would replay."""
    for suffix in (WAL, SHM):
        Path(f"{path.resolve()}{suffix}").unlink(missing_ok=True)
    path.touch(mode=0o644)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def _sqlite(url: URL) -> Engine:
    file = _File(Path(str(url.database)).absolute())
    engine = create_engine(url, creator=file.connect, pool_recycle=_MAX_AGE, **_POOL)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver must not open transactions of its own
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
    """Switch the file to WAL, so that readers do not wait for writers; the file stays in WAL.

    SQLite does not wait for the lock that the switch needs, so processes that open a new file at
    the same time must retry.
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
    """Return an engine that checks each connection before its use."""
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
        """Isolate a read in one snapshot; let each statement of a write see the latest commit."""
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

"""How the ledger's database is opened and spoken to: a SQLite file, so far."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import (
    URL,
    Connection,
    DateTime,
    Dialect,
    Engine,
    TypeDecorator,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from tenacity import Retrying, retry_if_exception_message, stop_after_delay, wait_random

from operations.errors import InvalidInput, LedgerUnavailable
from operations.settings import sqlite_url, without_password

CONNECTIONS = 20  # that one process keeps open at most, and ten more for a moment
BUSY_TIMEOUT = 5000  # milliseconds that a SQLite writer waits for another
_WRITES = "flowdeck_writes"  # the execution option of a transaction that means to write


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, on databases that keep zones and on SQLite, which keeps none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Send UTC."""
        del dialect
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Receive UTC, marked as such."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def open_engine(url: str) -> Engine:
    """Return an engine for a SQLAlchemy URL, one per process.

    Raises `InvalidInput` for any URL but one of a SQLite file, and `LedgerUnavailable`.
    """
    try:
        parsed = make_url(sqlite_url(url))
    except ValueError as error:
        raise InvalidInput("FLOWDECK_LEDGER_URL", without_password(url), str(error)) from error
    with _translating():
        return _sqlite(parsed)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection for a read; raises `LedgerUnavailable`."""
    with _translating(), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that is committed at the end.

    Raises `LedgerUnavailable`, and lets `IntegrityError` through: it is an answer.
    """
    with _translating(), engine.execution_options(**{_WRITES: True}).begin() as connection:
        yield connection


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        raise LedgerUnavailable(str(getattr(error, "orig", None) or error)) from error
    except (sqlite3.Error, OSError) as error:
        raise LedgerUnavailable(str(error)) from error


def _use_wal(file: str) -> None:
    """Let readers read while another process writes; the file keeps that mode for good.

    SQLite does not wait for the lock that this takes, so that processes which open a new file at
    the same moment must try again.
    """
    tries = Retrying(
        retry=retry_if_exception_message(match=".*locked"),
        stop=stop_after_delay(BUSY_TIMEOUT / 1000),
        wait=wait_random(0.01, 0.05),
        reraise=True,
    )
    with closing(sqlite3.connect(file)) as connection:
        tries(connection.execute, "PRAGMA journal_mode = WAL")


def _sqlite(url: URL) -> Engine:
    """Return an engine on a file that several processes write, one at a time."""
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        _use_wal(url.database)
    engine = create_engine(url, pool_size=CONNECTIONS, pool_timeout=1)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that comes to write fails at once if another wrote meanwhile.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine

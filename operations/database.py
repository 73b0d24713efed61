"""How a database is opened and spoken to, whichever it is: SQLite by default, PostgreSQL by URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection as SqliteConnection

from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    TypeDecorator,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from operations.errors import InvalidInput, LedgerUnavailable

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

    Raises `InvalidInput` for what is no URL, and `LedgerUnavailable`.
    """
    try:
        make_url(url)
    except ArgumentError as error:
        wanted = "a SQLAlchemy URL, such as sqlite:////srv/flowdeck/ledger.db"
        raise InvalidInput("FLOWDECK_LEDGER_URL", url, wanted) from error
    with _translating():
        if make_url(url).get_backend_name() == "sqlite":
            return _sqlite(url)
        return create_engine(url, pool_pre_ping=True)


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
    except OSError as error:
        raise LedgerUnavailable(str(error)) from error


def _sqlite(url: str) -> Engine:
    """Return an engine on a file that several processes write: WAL, and one writer at a time."""
    file = make_url(url).database
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def configure(connection: SqliteConnection, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that comes to write fails at once if another wrote meanwhile.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine

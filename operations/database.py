"""How the ledger's database is opened and spoken to: a SQLite file, so far."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import (
    URL,
    Connection,
    DateTime,
    Dialect,
    Engine,
    NullPool,
    TypeDecorator,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import IntegrityError, InvalidatePoolError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from operations.errors import InvalidInput, LedgerUnavailable
from operations.ledger_file import BUSY_TIMEOUT, LedgerFile
from operations.settings import sqlite_url, without_password

CONNECTIONS = 20  # that one process keeps open at most, and ten more for a moment
_WRITES = "flowdeck_writes"  # the execution option of a transaction that means to write
_FILE = "flowdeck_file"  # that of an engine on a SQLite file
_OPENED = "flowdeck_opened"  # what a connection knows: which file it is to


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


def open_engine(url: str, prepare: Callable[[Engine], None] = lambda _: None) -> Engine:
    """Return an engine for a SQLAlchemy URL, one per process.

    `prepare` brings a database to its schema: now, and whenever the one at the URL is found to be
    another. It gets an engine of its own. Raises `InvalidInput` for any URL but one of a SQLite
    file, and `LedgerUnavailable`.
    """
    try:
        parsed = make_url(sqlite_url(url))
    except ValueError as error:
        raise InvalidInput("FLOWDECK_LEDGER_URL", without_password(url), str(error)) from error
    with _translating():
        return _sqlite(parsed, prepare)


def generation(engine: Engine) -> int:
    """Return how often the database was found to be another; raises `LedgerUnavailable`."""
    file = engine.get_execution_options().get(_FILE)
    with _translating():
        return file.generation() if isinstance(file, LedgerFile) else 0


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


def _sqlite(url: URL, prepare: Callable[[Engine], None]) -> Engine:
    """Return an engine on a file that several processes write, one at a time."""

    def prepare_file() -> None:
        prepare(_configured(create_engine(url, creator=file.open, poolclass=NullPool)))

    file = LedgerFile(str(url.database), prepare_file)
    file.generation()
    options = {_FILE: file}
    engine = create_engine(url, pool_size=CONNECTIONS, pool_timeout=1, execution_options=options)

    @event.listens_for(engine, "do_connect")
    def connect(_: Dialect, entry: ConnectionPoolEntry, *_how: object) -> sqlite3.Connection:
        connection, entry.info[_OPENED] = file.connect()
        return connection

    @event.listens_for(engine, "checkout")
    def check(_: sqlite3.Connection, entry: ConnectionPoolEntry, _pooled: object) -> None:
        if entry.info[_OPENED] != file.found:
            raise InvalidatePoolError

    event.listen(engine, "engine_disposed", lambda _: file.close())
    return _configured(engine)


def _configured(engine: Engine) -> Engine:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that comes to write fails at once if another wrote meanwhile.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine

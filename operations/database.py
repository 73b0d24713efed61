"""How the ledger's database is opened and spoken to: a SQLite file, or one of PostgreSQL."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
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
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InvalidatePoolError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from operations.errors import InvalidInput, LedgerRefused, LedgerUnavailable
from operations.ledger_file import BUSY_TIMEOUT, LedgerFile
from operations.ledger_server import LedgerServer, ServerConnection
from operations.settings import database_url, without_password

CONNECTIONS = 20  # that one process keeps open at most, and ten more for a moment
_WRITES = "flowdeck_writes"  # the execution option of a transaction that means to write
_HOME = "flowdeck_home"  # that of an engine: what knows whether its database is another
_OPENED = "flowdeck_opened"  # what a connection knows: which file it is to
_TOO_MUCH = "54"  # the class of PostgreSQL's errors that tell of its own limits


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
    file or of PostgreSQL, and `LedgerUnavailable`.
    """
    try:
        parsed = make_url(database_url(url))
    except ValueError as error:
        raise InvalidInput("FLOWDECK_LEDGER_URL", without_password(url), str(error)) from error
    with _translating():
        return _sqlite(parsed, prepare) if _is_sqlite(parsed) else _postgresql(parsed, prepare)


def generation(engine: Engine) -> int:
    """Return how often the database was found to be another; raises `LedgerUnavailable`."""
    home = engine.get_execution_options().get(_HOME)
    with _translating():
        if isinstance(home, LedgerFile):
            return home.generation()
        with engine.connect():  # which checks it
            return home.generation if isinstance(home, LedgerServer) else 0


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection for a read; raises `LedgerUnavailable`."""
    with _translating(), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that is committed at the end.

    Raises `LedgerUnavailable` and `LedgerRefused`, and lets `IntegrityError` through: it is an
    answer. Nothing is tried again: whoever asked may, for nothing was written.
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
        why = getattr(error, "orig", None) or error
        if _is_of_value(error) or _is_too_much(why):
            raise LedgerRefused(_line(why)) from error
        raise LedgerUnavailable(_line(why)) from error
    except (sqlite3.Error, psycopg.Error, OSError) as error:
        raise LedgerUnavailable(_line(error)) from error


def _is_of_value(error: SQLAlchemyError) -> bool:
    """Whether a value could not be sent, or was not taken."""
    is_unsent = isinstance(error, StatementError) and not isinstance(error, DBAPIError)
    return is_unsent or isinstance(error, DataError)


def _is_too_much(error: BaseException) -> bool:
    """Whether a server is there, but a value is more than it can take, in an index above all."""
    return isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith(_TOO_MUCH)


def _line(error: BaseException) -> str:
    """Return an error's words in one line: PostgreSQL's driver takes several."""
    return " ".join(str(error).split())


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _sqlite(url: URL, prepare: Callable[[Engine], None]) -> Engine:
    """Return an engine on a file that several processes write, one at a time."""

    def prepare_file() -> None:
        prepare(_configured(create_engine(url, creator=file.open, poolclass=NullPool)))

    file = LedgerFile(str(url.database), prepare_file)
    file.generation()
    options = {_HOME: file}
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


def _postgresql(url: URL, prepare: Callable[[Engine], None]) -> Engine:
    """Return an engine on a server, each of whose connections is checked before it is used."""
    url = url.set(drivername="postgresql+psycopg")

    def prepare_database() -> None:
        prepare(
            _beginning(create_engine(url, creator=server.connect_to_prepare, poolclass=NullPool))
        )

    server = LedgerServer(_how_to_connect(url), prepare_database)
    options = {_HOME: server}
    engine = create_engine(
        url,
        creator=server.connect,
        pool_size=CONNECTIONS,
        pool_timeout=1,
        execution_options=options,
    )

    @event.listens_for(engine, "checkout")
    def check(connection: ServerConnection, _: ConnectionPoolEntry, _pooled: object) -> None:
        try:
            server.check(connection)
        except psycopg.OperationalError as error:
            raise InvalidatePoolError(str(error)) from error

    generation(_beginning(engine))
    return engine


def _how_to_connect(url: URL) -> dict[str, Any]:
    """Return what psycopg is to be told; raises `InvalidInput` for an option that it lacks."""
    _, how = url.get_dialect()().create_connect_args(url)
    try:
        psycopg.conninfo.make_conninfo("", **how)
    except psycopg.ProgrammingError as error:
        found = without_password(url.render_as_string())
        raise InvalidInput("FLOWDECK_LEDGER_URL", found, f"options of libpq ({error})") from error
    return dict(how)


def _beginning(engine: Engine) -> Engine:
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = bool(connection.get_execution_options().get(_WRITES))
        raw = connection.connection.driver_connection
        if isinstance(raw, ServerConnection):
            raw.begin(writes=writes)

    return engine

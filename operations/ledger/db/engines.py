"""SQLAlchemy's engines on what the ledger may be kept in: a SQLite file, a PostgreSQL database."""

import sqlite3
from collections.abc import Callable
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Dialect, Engine, NullPool, create_engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from operations.errors import InvalidInput
from operations.ledger.db.postgresql_server import LedgerServer, ServerConnection
from operations.ledger.db.sqlite_file import BUSY_TIMEOUT, LedgerFile
from operations.settings import without_password

CONNECTIONS = 20  # that one process keeps open at most, and ten more for a moment
WRITES = "flowdeck_writes"  # the execution option of a transaction that means to write
_HOME = "flowdeck_home"  # that of an engine: what knows whether its database is another
_OPENED = "flowdeck_opened"  # what a connection knows: which file it is to

Prepare = Callable[[Engine], None]
"""Brings a database to its schema; it gets an engine of its own."""


def make_engine(url: URL, prepare: Prepare) -> Engine:
    """Return an engine; raises `InvalidInput`, the drivers' errors and SQLAlchemy's."""
    make = _sqlite if url.get_backend_name() == "sqlite" else _postgresql
    return make(url, prepare)


def found_another(engine: Engine) -> int:
    """Return how often the database was found to be another; raises what a connection does."""
    home = engine.get_execution_options().get(_HOME)
    if isinstance(home, LedgerFile):
        return home.generation()
    with engine.connect():  # which checks it
        return home.generation if isinstance(home, LedgerServer) else 0


def _sqlite(url: URL, prepare: Prepare) -> Engine:
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
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL, prepare: Prepare) -> Engine:
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

    found_another(_beginning(engine))
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
        writes = bool(connection.get_execution_options().get(WRITES))
        raw = connection.connection.driver_connection
        if isinstance(raw, ServerConnection):
            raw.begin(writes=writes)

    return engine

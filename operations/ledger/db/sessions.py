"""Opens the ledger's database, runs reads and writes, and translates their errors."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import (
    Connection,
    Engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from operations.errors import (
    InvalidInput,
    LedgerRefused,
    LedgerReplaced,
    LedgerUnavailable,
    QueryTimeout,
)
from operations.ledger.db.engines import WRITES, make_engine
from operations.settings import database_url, without_password

_STEPS = 10_000  # of SQLite, from one look at the clock to the next
_SET_TIMEOUT = text(
    "SELECT set_config('statement_timeout', :timeout, true), set_config('jit', 'off', true)"
)
_TOO_MUCH = "54"  # the class of PostgreSQL's errors that tell of its own limits


def open_engine(url: str) -> Engine:
    """Return an engine for the URL of a SQLite file or of PostgreSQL, one per process.

    Raises `InvalidInput` for any other URL, and `LedgerUnavailable`.
    """
    try:
        parsed = make_url(database_url(url))
    except ValueError as error:
        raise InvalidInput("FLOWDECK_LEDGER_URL", without_password(url), str(error)) from error
    with _translating():
        return make_engine(parsed)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection for a read; raises `LedgerUnavailable`."""
    with _translating(), engine.connect() as connection:
        yield connection


@contextmanager
def asking(engine: Engine, seconds: float) -> Iterator[Connection]:
    """Open a connection for a read that may take too long.

    Raises `LedgerUnavailable`, and `QueryTimeout` when so many seconds have passed; the last
    statement on PostgreSQL may take as long once more.
    """
    with reading(engine) as connection:
        try:
            with _until(connection, seconds):
                yield connection
        except DBAPIError as error:
            if is_out_of_time(error):
                raise QueryTimeout from error
            raise


def is_out_of_time(error: DBAPIError | QueryTimeout) -> bool:
    """Whether a statement was ended, or not begun, because the time was up."""
    if isinstance(error, QueryTimeout):
        return True
    reason = error.orig
    if isinstance(reason, sqlite3.Error):
        return getattr(reason, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
    return isinstance(reason, psycopg.errors.QueryCanceled)


@contextmanager
def _until(connection: Connection, seconds: float) -> Iterator[None]:
    """Have a connection's statements end after so many seconds."""
    deadline = time.monotonic() + seconds

    def is_over() -> bool:
        return time.monotonic() > deadline

    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection):
        raw.set_progress_handler(is_over, _STEPS)
        try:
            yield
        finally:
            raw.set_progress_handler(None, 0)
        return

    def check(*_: object) -> None:
        if is_over():
            raise QueryTimeout

    connection.execute(_SET_TIMEOUT, {"timeout": f"{round(seconds * 1000)}"})
    event.listen(connection, "before_cursor_execute", check)
    yield


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that is committed at the end.

    Raises `LedgerUnavailable` and `LedgerRefused`, and lets `IntegrityError` through: it is an
    answer. Nothing is tried again; after an error it may be that all was written, never a part.
    """
    with _translating(), engine.execution_options(**{WRITES: True}).begin() as connection:
        yield connection


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or error
        if isinstance(reason, psycopg.errors.UndefinedTable):
            raise LedgerReplaced(_line(reason)) from error
        if _is_of_value(error) or _is_too_much(reason):
            raise LedgerRefused(_line(reason)) from error
        raise LedgerUnavailable(_line(reason)) from error
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

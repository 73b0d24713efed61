"""Opens connections and transactions of the ledger's database, and translates errors."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from operations.errors import (
    InvalidInput,
    LedgerDamaged,
    LedgerRefused,
    LedgerReplaced,
    LedgerUnavailable,
    QueryTimeout,
)
from operations.ledger.db.damaged_files import code_of, is_damage, report_damage
from operations.ledger.db.engines import WRITES, make_engine
from operations.settings import database_url, without_password

_SHORT_WAIT = 200  # milliseconds; a batch of the recorder takes at most 20
_STEPS = 3000  # of SQLite's virtual machine, between two checks of the time
_SET_TIMEOUT = text(
    "SELECT set_config('statement_timeout', :timeout, true), set_config('jit', 'off', true)"
)
_PERMISSION = "; allow this user to read and to write the file and its folder"
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "; another program holds its lock, end that program",
    sqlite3.SQLITE_CANTOPEN: _PERMISSION,
    sqlite3.SQLITE_FULL: "; free space on its disk",
    sqlite3.SQLITE_IOERR: "; check its disk",
    sqlite3.SQLITE_PERM: _PERMISSION,
    sqlite3.SQLITE_READONLY: _PERMISSION,
}
_LIMIT_EXCEEDED = "54"  # the class of PostgreSQL's errors for its own limits


def open_engine(url: str) -> Engine:
    """Return an engine for the URL of a SQLite file or of PostgreSQL; each process needs one.

    Raises `InvalidInput` for any other URL, and `LedgerUnavailable`.
    """
    try:
        parsed = make_url(database_url(url))
    except ValueError as error:
        raise InvalidInput("FLOWDECK_LEDGER_URL", without_password(url), str(error)) from error
    with translating(parsed):
        return make_engine(parsed)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection for a read; raises `LedgerUnavailable`."""
    with translating(engine.url), engine.connect() as connection:
        yield connection


@contextmanager
def reading_within(engine: Engine, seconds: float) -> Iterator[Connection]:
    """Open a connection for a read with a timeout.

    Raises `LedgerUnavailable`, and `QueryTimeout` after so many seconds. On PostgreSQL a statement
    that starts just before the deadline may take as many seconds again.
    """
    with reading(engine) as connection:
        try:
            with _until(connection, seconds):
                yield connection
        except DBAPIError as error:
            if _is_timeout(error):
                raise QueryTimeout from error
            raise


def _is_timeout(error: DBAPIError | QueryTimeout) -> bool:
    """True if a statement was interrupted, or not started, because the time was up."""
    if isinstance(error, QueryTimeout):
        return True
    reason = error.orig
    if isinstance(reason, sqlite3.Error):
        return getattr(reason, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
    return isinstance(reason, psycopg.errors.QueryCanceled)


@contextmanager
def _until(connection: Connection, seconds: float) -> Iterator[None]:
    """Interrupt a connection's statements after so many seconds."""
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

    Raises `LedgerUnavailable` and `LedgerRefused`. `IntegrityError` is not translated: callers
    handle it. Nothing is retried. After an error either everything was written or nothing.
    """
    with translating(engine.url), engine.connect() as connection:
        connection.execution_options(**{WRITES: True})
        with connection.begin():
            yield connection


def check_writable(engine: Engine) -> None:
    """Raise `LedgerUnavailable` if SQLite cannot begin a write, for example of a locked file.

    Nothing is written. PostgreSQL is not checked: there a lock blocks only some rows.
    """
    file = sqlite_file(engine.url)
    if file is None:
        return
    with translating(engine.url), closing(_connect_existing(file)) as other:
        other.execute(f"PRAGMA busy_timeout = {_SHORT_WAIT}")
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")


def _connect_existing(file: Path) -> sqlite3.Connection:
    """Connect to an existing file; `sqlite3.connect(file)` would create a missing one."""
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None)


@contextmanager
def translating(url: URL) -> Iterator[None]:
    """Translate the errors of a database; report a SQLite file as damaged if SQLite does."""
    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or error
        if _has_no_table(reason):
            raise LedgerReplaced(_line(reason)) from error
        if _is_bad_value(error) or _is_over_limit(reason):
            raise LedgerRefused(_line(reason)) from error
        raise _unavailable(url, reason) from error
    except (sqlite3.Error, psycopg.Error, OSError) as error:
        raise _unavailable(url, error) from error


def _has_no_table(error: BaseException) -> bool:
    """True if the tables are missing: the database was restored, or the file was emptied."""
    if isinstance(error, sqlite3.OperationalError):
        return str(error).startswith("no such table: ")
    return isinstance(error, psycopg.errors.UndefinedTable)


def _unavailable(url: URL, error: BaseException) -> LedgerUnavailable:
    file = sqlite_file(url)
    if file is None:
        return LedgerUnavailable(_line(error))
    if is_damage(error):
        report_damage(file)
        return LedgerDamaged(str(file), _line(error))
    remedy = _REMEDIES.get(code_of(error) or 0, "")
    return LedgerUnavailable(f"{file}: {_line(error)}{remedy}")


def sqlite_file(url: URL) -> Path | None:
    """Return the file of a SQLite ledger, None for PostgreSQL."""
    is_sqlite = url.get_backend_name() == "sqlite"
    return Path(str(url.database)).absolute() if is_sqlite else None


def _is_bad_value(error: SQLAlchemyError) -> bool:
    """True if a value could not be sent, or the database refused it."""
    is_unsent = isinstance(error, StatementError) and not isinstance(error, DBAPIError)
    return is_unsent or isinstance(error, DataError)


def _is_over_limit(error: BaseException) -> bool:
    """True if a value exceeds a limit of PostgreSQL, mostly the size of an index row."""
    return isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith(_LIMIT_EXCEEDED)


def _line(error: BaseException) -> str:
    """Return an error's message in one line: PostgreSQL's driver uses several."""
    return " ".join(str(error).split())

"""The ledger's SQLite file, which may be deleted or replaced while processes have it open."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import TypeVar

import structlog
from tenacity import (
    Retrying,
    retry_if_exception_message,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random,
)

BUSY_TIMEOUT = 5000  # milliseconds that a SQLite writer waits for another
TRIES = 5  # to connect to a file that is replaced at the same moment
DELETION = 0.05  # seconds that somebody may need to delete a ledger: its parts go one by one

Identity = tuple[int, int]
"""Which file stands at a path: no other has the same device and inode while it is open."""

_Result = TypeVar("_Result")

log = structlog.get_logger(__name__)


class _Replaced(sqlite3.OperationalError):
    """The file was deleted or replaced at this very moment."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is deleted or replaced again and again")


class LedgerFile:
    """Connects to the file that stands at a path now; if it is none, to a new one.

    A file is prepared before it is connected to: by `prepare` if this object has not seen it yet.
    SQLite alone would go on with the file that it opened, though nobody finds that one any more.
    """

    def __init__(self, path: str, prepare: Callable[[], None]) -> None:
        self._path = Path(path).absolute()
        self._prepare = prepare
        self._lock = Lock()
        self._opened: Identity | None = None
        self._pin: sqlite3.Connection | None = None
        self._parts: dict[Path, Identity | None] = {}
        self._generation = 0

    @property
    def found(self) -> Identity | None:
        """Which file stands at the path, if any."""
        return _identity(self._path)

    def generation(self) -> int:
        """Make sure of the file; return how often it was found to be another."""
        _again(self._prepared)
        return self._generation

    def connect(self) -> tuple[sqlite3.Connection, Identity]:
        """Return a connection, and which file it is to; raises `sqlite3.Error` and `OSError`."""
        return _again(self._connect)

    def open(self) -> sqlite3.Connection:
        """Return a connection to the file as it is; never makes one."""
        with ExitStack() as undoing:
            url = f"{self._path.as_uri()}?mode=rw"
            connection = sqlite3.connect(url, uri=True, check_same_thread=False)
            undoing.callback(connection.close)
            _open_all(connection)
            undoing.pop_all()
        return connection

    def close(self) -> None:
        """Forget the file."""
        with self._lock:
            self._let_go()
            self._opened, self._parts = None, {}

    def _connect(self) -> tuple[sqlite3.Connection, Identity]:
        opened = self._prepared()
        with ExitStack() as undoing:
            with self._staying(opened):
                connection = undoing.enter_context(closing(self.open()))
            undoing.pop_all()
        return connection, opened

    def _prepared(self) -> Identity:
        with self._lock:
            found = self.found
            if found and found == self._opened:
                return found
            if self._opened:
                log.warning("the ledger was deleted or replaced", file=str(self._path))
                self._opened = None
                self._generation += 1
                if found is None:
                    time.sleep(DELETION)
            self._opened = self._open_anew()
            return self._opened

    def _open_anew(self) -> Identity:
        """Make sure of a file with a schema; what is known of the last one is kept until then."""
        parts = _parts(self._path)
        parts[0].parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(parts[0].parent):
            self._tidy(*parts)
        with ExitStack() as undoing:
            with self._staying(self.found) as opened:
                pin = undoing.enter_context(closing(self.open()))
                _use_wal(pin)
                self._prepare()
                _open_all(pin)
            undoing.pop_all()
        self._let_go()
        # While a connection has them open, no other file has their identities, and SQLite does not
        # put others in the place of log and index.
        self._pin, self._parts = pin, {part: _identity(part) for part in parts[1:]}
        return opened

    def _tidy(self, file: Path, *parts: Path) -> None:
        """Remove what the last file left, and make one if there is none.

        SQLite would replay the last file's log on the new one, and share an index of it with those
        who have the last one open still. Beside a file that was put there, only who knew the last
        one can tell that a log is not its own.
        """
        is_gone = not file.exists()
        for part in parts:
            found = _identity(part)
            if found and (is_gone or found == self._parts.get(part)):
                part.unlink()
        if is_gone:
            file.touch(mode=0o644)

    @contextmanager
    def _staying(self, file: Identity | None) -> Iterator[Identity]:
        """Raise `_Replaced` if the file does not stay at the path, whatever else that led to."""
        if file is None:
            raise _Replaced(self._path)
        try:
            yield file
        except Exception as error:
            if self.found != file:
                raise _Replaced(self._path) from error
            raise
        if self.found != file:
            raise _Replaced(self._path)

    def _let_go(self) -> None:
        if self._pin:
            self._pin.close()
        self._pin = None


def _parts(path: Path) -> tuple[Path, Path, Path]:
    """Return a database's file, its log and the log's index: SQLite keeps them side by side."""
    file = path.resolve()
    return file, Path(f"{file}-wal"), Path(f"{file}-shm")


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def _again(attempt: Callable[[], _Result]) -> _Result:
    tries = Retrying(
        retry=retry_if_exception_type(_Replaced), stop=stop_after_attempt(TRIES), reraise=True
    )
    return tries(attempt)


def _open_all(connection: sqlite3.Connection) -> None:
    """Open log and index too: SQLite finds them by their names, and only when it first reads."""
    connection.execute("PRAGMA schema_version").fetchall()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Shut out other processes, and threads, that would make or tidy a file in the folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _use_wal(connection: sqlite3.Connection) -> None:
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
    tries(connection.execute, "PRAGMA journal_mode = WAL")

"""The ledger's PostgreSQL database, which may be restarted or replaced while processes use it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

import psycopg
import structlog
from psycopg.abc import PQGen
from psycopg.errors import ConnectionTimeout
from psycopg.rows import TupleRow

from operations.errors import LedgerUnavailable

CONNECT = 2  # seconds to connect: psycopg takes no fewer
LOOK = 0.1  # seconds after which whoever waits looks at the clock
SILENCE = 4.0  # seconds of it, after which a server counts as away
CHECK = 1.5  # and those when a connection is taken up again
STATEMENT = 3.5  # seconds that the server gives a statement, and what that waits for
LEFT = 10  # seconds after which the server ends the transaction of a process that stands still
HOPELESS = 1.0  # seconds for which nobody else tries a server that did not answer
TURN = 2.0  # seconds to wait for another thread that prepares the database
MIGRATION = 3600.0  # seconds of silence, while the schema is made

Identity = tuple[str, int, int | None]
"""Which database it is: when its server began, its number, and that of its pulse's storage."""

_Result = TypeVar("_Result")

_IDENTITY = """
    SELECT pg_postmaster_start_time()::text, oid, pg_relation_filenode(to_regclass('heartbeat'))
    FROM pg_database WHERE datname = current_database()
"""
_HOW = {"connect_timeout": CONNECT, "client_encoding": "utf8", "application_name": "flowdeck"}
_SETTINGS = {
    "timezone": "UTC",  # in another one, the first and the last day are none that Python knows
    "statement_timeout": f"{STATEMENT}s",
    "idle_in_transaction_session_timeout": f"{LEFT}s",
}

log = structlog.get_logger(__name__)


class ServerConnection(psycopg.Connection[TupleRow]):
    """A connection that waits for no server that has fallen silent."""

    silence = SILENCE

    def wait(
        self, gen: PQGen[_Result], interval: float = LOOK, timeout: float | None = None
    ) -> _Result:
        """Wait as psycopg does, but for `silence` seconds from one sign of life to the next."""
        return super().wait(self._listening(gen), interval, timeout)

    def identity(self) -> Identity:
        """Ask which database it is, outside any transaction."""
        silence, self.silence = self.silence, min(CHECK, self.silence)
        self.autocommit = True
        found = self.execute(_IDENTITY).fetchone()
        self.autocommit = False
        self.silence = silence
        if found is None:
            raise psycopg.OperationalError("the database has just been dropped")
        started, number, heartbeat = found
        return started, number, heartbeat

    def begin(self, *, writes: bool) -> None:
        """Have the next transaction write, each statement on what is there then, or read.

        A read sees one moment, however many statements it has.
        """
        level = psycopg.IsolationLevel
        self.read_only = not writes
        self.isolation_level = level.READ_COMMITTED if writes else level.REPEATABLE_READ

    def _listening(self, gen: PQGen[_Result]) -> PQGen[_Result]:
        """Hand on what psycopg waits for; it is asked again and again as long as nothing comes."""
        try:
            wanted = next(gen)
            while True:
                deadline = time.monotonic() + self.silence
                while not (ready := (yield wanted)):
                    if time.monotonic() > deadline:
                        self._hang_up()
                wanted = gen.send(ready)
        except StopIteration as done:
            result: _Result = done.value
            return result

    def _hang_up(self) -> None:
        self.close()
        raise psycopg.OperationalError(f"the server did not answer within {self.silence:g} s")


class LedgerServer:
    """Connects to the database of that name that there is now.

    A connection is checked before each use: a database that this object has not seen yet is
    prepared by `prepare`. Besides one that was dropped and made anew, that is one that was restored
    in its place, and any after a restart of the server, for that might bring an earlier one back.
    """

    def __init__(self, how: dict[str, Any], prepare: Callable[[], None]) -> None:
        self._how = {**_HOW, **how}
        self._prepare = prepare
        self._lock = Lock()
        self._known: Identity | None = None
        self._failure: tuple[float, ConnectionTimeout] | None = None
        self.generation = 0

    def connect(self) -> ServerConnection:
        """Return a new connection; raises `psycopg.Error`.

        Who comes right after one that waited in vain shares its failure.
        """
        if self._failure and time.monotonic() < self._failure[0] + HOPELESS:
            raise self._failure[1].with_traceback(None)
        try:
            connection = ServerConnection.connect(**self._how, prepare_threshold=None)
        except ConnectionTimeout as error:
            self._failure = time.monotonic(), error
            raise
        return _configured(connection)

    def connect_to_prepare(self) -> ServerConnection:
        """Return one that is not checked, and that may wait for the server."""
        connection = self.connect()
        connection.silence = MIGRATION
        return connection

    def check(self, connection: ServerConnection) -> None:
        """Make sure of the database; raises `psycopg.Error` and `LedgerUnavailable`."""
        if connection.identity() != self._known:
            with self._in_turn():
                self._check(connection)

    def _check(self, connection: ServerConnection) -> None:
        if connection.identity() == self._known:
            return
        self._prepare()
        found = connection.identity()
        if self._known:
            log.warning("the ledger's server was restarted, or its database replaced")
            self.generation += 1
        self._known = found

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=TURN):
            raise LedgerUnavailable("its schema is being brought up to date")
        try:
            yield
        finally:
            self._lock.release()


def _configured(connection: ServerConnection) -> ServerConnection:
    settings = ", ".join(f"set_config('{name}', '{to}', false)" for name, to in _SETTINGS.items())
    connection.autocommit = True
    connection.execute(f"SELECT {settings}")
    connection.autocommit = False
    return connection

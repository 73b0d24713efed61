"""A server that a session of tests starts, with databases for single tests."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Self

import psycopg

from tests.postgres.programs import find
from tests.waiting import eventually

PORTS = range(29390, 29400)
_INIT = ("--username=flowdeck", "--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions")
# Another order than that of bytes, so that what relies on bytes must say so.
_LANGUAGE = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
_HASTE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")
_ENDING = ("setpriv", "--pdeathsig", "QUIT")  # it ends with the tests, also if they are killed
_WHO = "postgres" if os.geteuid() == 0 else None  # it does not start as root


class Server:
    """A PostgreSQL in a folder of its own, on loopback."""

    def __init__(self) -> None:
        self._programs = find()
        self._folder = Path(tempfile.mkdtemp(prefix="flowdeck-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self._reserved = ExitStack()
        if _WHO:
            shutil.chown(self._folder, _WHO, _WHO)
        init = (self._programs / "initdb", "-D", self._folder / "data", *_INIT, *_LANGUAGE)
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=self._folder, user=_WHO)

    def __enter__(self) -> Self:
        """Start it; at the end nothing is left of it."""
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def start(self) -> None:
        """Start, and wait until it answers; on the same port each time."""
        self.port = self.port or self._reserved.enter_context(_reserved_port())
        settings = (
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self._folder}",
            *_HASTE,
        )
        options = (part for setting in settings for part in ("-c", setting))
        program = (*_ENDING, str(self._programs / "postgres"))
        command = [*program, "-D", str(self._folder / "data"), *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, user=_WHO, stdout=log, stderr=log
            )
        eventually(self._answers, 30, "PostgreSQL answers")

    def stop(self) -> None:
        """Have it end at once, as in a crash."""
        self._send(signal.SIGQUIT)
        if self._process:
            self._process.wait(timeout=30)
        self._process = None

    def _send(self, number: signal.Signals) -> None:
        """Send a signal to the server alone."""
        if self._process:
            self._process.send_signal(number)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Have neither it nor any process of it go on for a while."""
        self._signal_all(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal_all(signal.SIGCONT)

    def remove(self) -> None:
        """Stop it, and remove its folder."""
        self.stop()
        self._reserved.close()
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://flowdeck@127.0.0.1:{self.port}/{database}"

    def new(self, template: str = "template1") -> str:
        """Make a database like another, and return its URL."""
        name = f"ledger_{uuid.uuid4().hex}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.run(f"DROP DATABASE IF EXISTS {name_in(url)} WITH (FORCE)")

    def run(self, command: str, database: str = "postgres") -> None:
        """Run a command outside any transaction."""
        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            connection.execute(command)

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url("postgres")).close()
            return True
        return False

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process
        pid = self._process.pid
        for line in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(line), number)
        self._send(number)


def name_in(url: str) -> str:
    """Return the name of a URL's database."""
    return url.rpartition("/")[-1]


@contextmanager
def _reserved_port() -> Iterator[int]:
    """Yield a free port that no other process of the tests takes meanwhile.

    A lock on a file per port reserves it, because the server listens only some time later.
    """
    for port in PORTS:
        path = Path(tempfile.gettempdir()) / f"flowdeck-postgres-{port}.lock"
        with path.open("w") as lock:
            if _locks(lock) and _is_free(port):
                yield port
                return
    raise OSError(f"No port of {PORTS.start} to {PORTS.stop - 1} is free")


def _locks(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False

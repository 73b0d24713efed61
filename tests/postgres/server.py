"""A PostgreSQL server for a session of tests, with a database for each test."""

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
# Text is not in byte order: queries that need byte order must set a collation.
_LANGUAGE = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
# Commits are written, though not synced: `stop` must not lose a schema that was just created.
_FAST = ("fsync=off", "full_page_writes=off", "max_connections=300")
_END_WITH_PARENT = (
    "setpriv",
    "--pdeathsig",
    "QUIT",
)  # the server ends with the tests, also if they are killed
_USER = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root


class Server:
    """A PostgreSQL server in a temporary folder, on loopback."""

    def __init__(self) -> None:
        self._programs = find()
        self._folder = Path(tempfile.mkdtemp(prefix="flowdeck-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self._reserved = ExitStack()
        if _USER:
            shutil.chown(self._folder, _USER, _USER)
        init = (self._programs / "initdb", "-D", self._folder / "data", *_INIT, *_LANGUAGE)
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=self._folder, user=_USER)

    def __enter__(self) -> Self:
        """Start the server; `__exit__` stops it and removes its folder."""
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def start(self) -> None:
        """Start the server, on the same port each time, and wait until it accepts connections."""
        self.port = self.port or self._reserved.enter_context(_reserved_port())
        settings = (
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self._folder}",
            *_FAST,
        )
        options = (part for setting in settings for part in ("-c", setting))
        program = (*_END_WITH_PARENT, str(self._programs / "postgres"))
        command = [*program, "-D", str(self._folder / "data"), *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, user=_USER, stdout=log, stderr=log
            )
        eventually(self._accepts_connections, 30, "PostgreSQL accepts connections")

    def stop(self) -> None:
        """Stop the server at once, as in a crash."""
        self._send(signal.SIGQUIT)
        if self._process:
            self._process.wait(timeout=30)
        self._process = None

    def _send(self, number: signal.Signals) -> None:
        """Send a signal to the main process of the server."""
        if self._process:
            self._process.send_signal(number)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspend the server and its child processes for a while."""
        self._signal_all(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal_all(signal.SIGCONT)

    def remove(self) -> None:
        """Stop the server, and remove its folder."""
        self.stop()
        self._reserved.close()
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://flowdeck@127.0.0.1:{self.port}/{database}"

    def new(self, template: str = "template1") -> str:
        """Create a database from a template, and return its URL."""
        name = f"ledger_{uuid.uuid4().hex}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database, even if clients are connected to it."""
        self.run(f"DROP DATABASE IF EXISTS {name_in(url)} WITH (FORCE)")

    def run(self, command: str, database: str = "postgres") -> None:
        """Run a command outside any transaction."""
        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            connection.execute(command)

    def _accepts_connections(self) -> bool:
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
    """Return the name of the database of a URL."""
    return url.rpartition("/")[-1]


@contextmanager
def _reserved_port() -> Iterator[int]:
    """Yield a free port, reserved against other processes of the tests.

    A lock on one file for each port reserves it, because the server listens only some time later.
    """
    for port in PORTS:
        path = Path(tempfile.gettempdir()) / f"flowdeck-postgres-{port}.lock"
        with path.open("w") as lock:
            if _try_to_lock(lock) and _is_free(port):
                yield port
                return
    raise OSError(f"No port of {PORTS.start} to {PORTS.stop - 1} is free")


def _try_to_lock(file: IO[str]) -> bool:
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

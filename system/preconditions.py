"""Checks before the system starts: the data folder is free, and so is every port; folders exist."""

import errno
import fcntl
import os
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from operations.errors import InvalidInput
from system.dapr.settings import LOOPBACK

PORT_SETTINGS = (
    "FLOWDECK_PAGE_PORT, FLOWDECK_API_PORT, FLOWDECK_SPANS_PORT, or FLOWDECK_DAPR_PORTS "
    "(the first of Dapr's ports)"
)

_SQLITE = "sqlite:///"


class CannotStart(Exception):
    """The system cannot start; the message says why and what to do."""


@contextmanager
def lock_data(data: Path) -> Iterator[None]:
    """Create the data folder and lock it, because two systems must never share one.

    Raises `CannotStart` if another system has locked the folder, or if it cannot be written.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        opened = (data / "lock").open("a+")
    except OSError as error:
        raise CannotStart(f"{error}.\nSet FLOWDECK_HOME to a folder to write to.") from error
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotStart(
                f"Process {lock.read().strip()} runs Flowdeck on {data} already.\n"
                "Stop it, or set FLOWDECK_HOME to another folder."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def check_folders(resources: Path, ledger_url: str | None) -> None:
    """Raise `InvalidInput` if Dapr's resources or the folder of a SQLite ledger are missing."""
    if not (resources / "dapr-config.yaml").is_file():
        expected = "a folder that has the file dapr-config.yaml"
        raise InvalidInput("FLOWDECK_RESOURCES", str(resources), expected)
    is_file = ledger_url and ledger_url.startswith(_SQLITE)
    if is_file and not Path(str(ledger_url).removeprefix(_SQLITE)).parent.is_dir():
        raise InvalidInput("FLOWDECK_LEDGER_URL", ledger_url, "a file in a folder that exists")


def check_ports(ports: Mapping[str, int]) -> None:
    """Raise `CannotStart` if two uses share a port, or if a port is taken; `ports` is by use."""
    for port, uses in Counter(ports.values()).items():
        if uses > 1:
            names = " and ".join(name for name, each in ports.items() if each == port)
            raise CannotStart(f"Port {port} is set for {names}: change {PORT_SETTINGS}.")
    taken = taken_ports(ports)
    if taken:
        raise CannotStart("\n".join([*taken, f"Stop that process, or change {PORT_SETTINGS}."]))


def taken_ports(ports: Mapping[str, int]) -> list[str]:
    """Return a sentence for each port that cannot be bound: the use of the port, and the reason."""
    return [
        f"Port {port} ({name}) {problem}."
        for name, port in ports.items()
        if (problem := _problem(port))
    ]


def _problem(port: int) -> str | None:
    """Return why a port cannot be bound, or None.

    Every address is tried: placement and scheduler open their health ports on all of them.
    """
    for address in (LOOPBACK, "0.0.0.0"):  # noqa: S104 - bound for a moment, never listened on
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                taken = error.errno == errno.EADDRINUSE
                return f"is in use by {_holder(port)}" if taken else f"is refused: {error.strerror}"
    return None


def _holder(port: int) -> str:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return "a process that this user may not see"
    for connection in connections:
        local = connection.laddr
        if local and local.port == port and connection.status == psutil.CONN_LISTEN:
            return _process(connection.pid)
    return "a connection that is being closed"


def _process(pid: int | None) -> str:
    if pid is None:
        return "a process of another user"
    try:
        command = " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return f"process {pid}"
    return f"process {pid} ({command[:120]})"

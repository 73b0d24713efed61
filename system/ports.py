"""Which ports are taken, and by whom."""

import errno
import socket
from collections.abc import Mapping

import psutil

from engine.commands import LOOPBACK


def taken_ports(ports: Mapping[str, int]) -> list[str]:
    """Return a sentence for each port that cannot be listened on: its use, and why."""
    return [
        f"Port {port} ({name}) {trouble}."
        for name, port in ports.items()
        if (trouble := _trouble(port))
    ]


def _trouble(port: int) -> str | None:
    """Return why a port cannot be listened on, or None.

    Every address is tried: placement and the scheduler listen on all of them for their health.
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

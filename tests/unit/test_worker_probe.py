"""The probe of a worker: only a process that takes a request and does not answer is silent."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from operations.health.worker_probe import PROBE_TIMEOUT, WorkerProbe
from operations.model import Problem, Service
from operations.recorder.limits import RecorderLimits
from tests.waiting import eventually

SILENT = (Problem(Service.WORKER, "the worker does not answer"),)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Return a socket that accepts connections in the kernel, as if its process was frozen."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_a_silent_worker_is_reported_within_ten_seconds() -> None:
    """A probe starts at one check, its timeout is found at another, and an outage has a grace."""
    limits = RecorderLimits()
    checks = 2 * limits.health_every
    assert checks + PROBE_TIMEOUT + limits.outage_grace <= 10


def url_of(listener: socket.socket) -> str:
    """Return the URL of a socket."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def answer_all(listener: socket.socket) -> None:
    """Answer every request with an error of HTTP until the socket is closed."""
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, suppress(OSError):  # probes that gave up have closed theirs
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def test_a_worker_that_does_not_answer_is_silent_until_it_answers(
    listener: socket.socket,
) -> None:
    """Any answer ends the problem, also an error."""
    probe = WorkerProbe(url_of(listener), timeout=0.2)
    assert probe.problems() == ()
    eventually(lambda: probe.problems() == SILENT, 10, "the worker is silent")
    assert not probe.is_answering
    threading.Thread(target=answer_all, args=[listener], daemon=True).start()
    eventually(lambda: probe.problems() == (), 10, "the worker has answered")
    assert probe.is_answering


def test_an_absent_worker_is_not_silent(listener: socket.socket) -> None:
    """The sidecar notices that it is gone."""
    probe = WorkerProbe(url_of(listener), timeout=0.05)
    eventually(lambda: probe.problems() == SILENT, 10, "the worker is silent")
    listener.close()
    eventually(lambda: probe.problems() == (), 10, "the worker is absent")


def test_without_an_address_nothing_is_probed() -> None:
    """Workers of other applications have no address that is known."""
    probe = WorkerProbe(None)
    assert probe.problems() == ()
    assert probe._probing is None

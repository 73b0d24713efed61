"""Which ports are said to be taken, and by whom: with a real listener in this process."""

import os
import socket
from collections.abc import Iterator

import psutil
import pytest

from system.ports import taken_ports


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])
def listener(request: pytest.FixtureRequest) -> Iterator[int]:
    """Listen in this process, on the loopback or everywhere; return the port."""
    with socket.create_server((request.param, 0)) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_taken_port_is_named_with_its_holder(listener: int) -> None:
    """The sentence holds the port, its use, and the holder's process id and command."""
    (sentence,) = taken_ports({"daprd's door": listener})
    command = " ".join(psutil.Process().cmdline())[:120]
    assert sentence == (
        f"Port {listener} (daprd's door) is in use by process {os.getpid()} ({command})."
    )


def test_a_free_port_is_not_reported(listener: int) -> None:
    """Of a free and a taken port, the taken one is reported."""
    sentences = taken_ports({"free": free_port(), "taken": listener})
    assert [sentence.split()[2] for sentence in sentences] == ["(taken)"]


def test_looking_at_a_port_does_not_take_it() -> None:
    """A free port can be listened on after it was looked at."""
    port = free_port()
    assert taken_ports({"free": port}) == []
    with socket.create_server(("127.0.0.1", port)):
        pass

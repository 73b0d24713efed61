"""The checks before the system starts: of the data folder, and of ports with a real listener."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from system.preconditions import CannotStart, check_ports, lock_data, taken_ports


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


def test_a_data_folder_has_one_system(tmp_path: Path) -> None:
    """A second system on the same data is refused, naming the first one's process and the data."""
    expected = f"Process {os.getpid()} runs Flowdeck on {tmp_path}/data already."
    data = tmp_path / "data"
    with lock_data(data), pytest.raises(CannotStart, match=re.escape(expected)), lock_data(data):
        pass
    with lock_data(data):  # free again
        pass


def test_a_home_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    """Data that cannot be written end the start with the place and the setting."""
    (tmp_path / "file").touch()
    data = tmp_path / "file" / "data"
    with pytest.raises(CannotStart, match=r"file/data'\.\nSet FLOWDECK_HOME"), lock_data(data):
        pass


def test_a_taken_port_is_refused_with_the_settings(listener: int) -> None:
    """The message names the port, its use, and the settings that change it."""
    with pytest.raises(CannotStart, match=rf"Port {listener} \(REST API\) .*\n.*FLOWDECK_API_PORT"):
        check_ports({"REST API": listener, "dashboard": free_port()})


def test_a_port_with_two_uses_is_refused() -> None:
    """Two settings that clash are refused before anything starts."""
    with pytest.raises(CannotStart, match="Port 31005 is set for traces and REST API: change FLOW"):
        check_ports({"traces": 31005, "dashboard": 31004, "REST API": 31005})

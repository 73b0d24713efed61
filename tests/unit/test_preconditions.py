"""Checks before the system starts: the lock of the data folder, and free ports."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from operations.errors import InvalidInput
from system.dapr.settings import PROJECT
from system.preconditions import CannotStart, check_folders, check_ports, lock_data, taken_ports


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])
def listener(request: pytest.FixtureRequest) -> Iterator[int]:
    """Listen on the loopback or on all addresses, and return the port."""
    with socket.create_server((request.param, 0)) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    """Return a port that no process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_taken_port_is_reported_with_its_process(listener: int) -> None:
    """The message has the port, its use, and the id and command of the process."""
    (message,) = taken_ports({"gRPC": listener})
    command = " ".join(psutil.Process().cmdline())[:120]
    assert message == (f"Port {listener} (gRPC) is in use by process {os.getpid()} ({command}).")


def test_a_free_port_is_not_reported(listener: int) -> None:
    """Only the taken port is reported."""
    messages = taken_ports({"free": free_port(), "taken": listener})
    assert [message.split()[2] for message in messages] == ["(taken)"]


def test_checking_a_port_does_not_take_it() -> None:
    """A process can listen on a free port after the check."""
    port = free_port()
    assert taken_ports({"free": port}) == []
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_data_folder_has_only_one_system(tmp_path: Path) -> None:
    """A second system is refused with the folder and the process of the first one."""
    expected = f"Process {os.getpid()} runs Flowdeck on {tmp_path}/data already."
    data = tmp_path / "data"
    with lock_data(data), pytest.raises(CannotStart, match=re.escape(expected)), lock_data(data):
        pass
    with lock_data(data):  # the lock was released
        pass


def test_a_home_that_is_not_a_folder_is_refused(tmp_path: Path) -> None:
    """The message has the path and the setting."""
    (tmp_path / "file").touch()
    data = tmp_path / "file" / "data"
    with pytest.raises(CannotStart, match=r"file/data'\.\nSet FLOWDECK_HOME"), lock_data(data):
        pass


def test_a_taken_port_prevents_the_start(listener: int) -> None:
    """The message has the port, its use, and the settings that change it."""
    with pytest.raises(CannotStart, match=rf"Port {listener} \(REST API\) .*\n.*FLOWDECK_API_PORT"):
        check_ports({"REST API": listener, "dashboard": free_port()})


def test_a_port_with_two_uses_is_refused() -> None:
    """Two settings must not have the same port."""
    with pytest.raises(CannotStart, match="Port 31005 is set for traces and REST API: change FLOW"):
        check_ports({"traces": 31005, "dashboard": 31004, "REST API": 31005})


def test_missing_folders_are_refused_by_their_setting(tmp_path: Path) -> None:
    """A process that waits for them would start again and again."""
    components, missing = PROJECT / "components", tmp_path / "missing"
    with pytest.raises(InvalidInput, match=rf"FLOWDECK_RESOURCES: found '{missing}', expected"):
        check_folders(missing, None)
    with pytest.raises(InvalidInput, match=rf"FLOWDECK_RESOURCES: found '{tmp_path}', expected"):
        check_folders(tmp_path, None)
    with pytest.raises(InvalidInput, match=r"FLOWDECK_LEDGER_URL: found 'sqlite:.*missing/l\.db'"):
        check_folders(components, f"sqlite:///{missing}/l.db")
    for url in (None, f"sqlite:///{tmp_path}/l.db", "postgresql://db/ledger"):
        check_folders(components, url)

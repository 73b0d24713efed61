"""What `python -m system` checks before it starts, and what it gives to its processes."""

import os
import re
import socket
from pathlib import Path

import pytest

from dashboard.settings import DashboardSettings
from engine.settings import EngineSettings
from system.__main__ import CannotStart, _alone_on, _check_ports, _environment
from worker.settings import WorkerSettings


def test_a_data_folder_has_one_system(tmp_path: Path) -> None:
    """A second system on the same data is refused, naming the first one's process and the data."""
    expected = f"Process {os.getpid()} runs Flowdeck on {tmp_path}/data already."
    data = tmp_path / "data"
    with _alone_on(data), pytest.raises(CannotStart, match=re.escape(expected)), _alone_on(data):
        pass
    with _alone_on(data):  # free again
        pass


def test_a_home_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    """Data that cannot be written end the start with the place and the setting."""
    (tmp_path / "file").touch()
    data = tmp_path / "file" / "data"
    with pytest.raises(CannotStart, match=r"file/data'\.\nSet FLOWDECK_HOME"), _alone_on(data):
        pass


def test_a_taken_port_is_refused_with_the_settings() -> None:
    """The message names the port, its use, and the settings that change it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"Port {port} \(REST API\) .*\n.*FLOWDECK_API_PORT"):
            _check_ports(EngineSettings(), WorkerSettings(api_port=port), DashboardSettings())


def test_the_api_s_port_is_none_of_the_engine_s() -> None:
    """Two settings that clash are refused before anything starts."""
    with pytest.raises(CannotStart, match=r"Port 31005 is that of .* and of REST API: set"):
        _check_ports(
            EngineSettings(engine_ports=31000), WorkerSettings(api_port=31005), DashboardSettings()
        )


def test_the_port_of_traces_is_one_of_its_own() -> None:
    """It clashes as any other does."""
    with pytest.raises(CannotStart, match=r"Port 31010 is that of traces and of REST API: set"):
        _check_ports(
            EngineSettings(engine_ports=31000), WorkerSettings(api_port=31010), DashboardSettings()
        )


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_no_proxy_is_asked_for_the_loopback(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What the user reaches without a proxy stays; 127.0.0.1 comes to it."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(name, "intranet.example")
    assert _environment(EngineSettings())["no_proxy"] == "intranet.example,127.0.0.1"


def test_processes_are_told_where_the_sidecar_and_the_data_are(tmp_path: Path) -> None:
    """The worker finds daprd by Dapr's own variable, the data by an absolute path."""
    environment = _environment(EngineSettings(home=tmp_path, engine_ports=31000))
    assert environment["DAPR_GRPC_ENDPOINT"] == "127.0.0.1:31007"
    assert environment["FLOWDECK_HOME"] == str(tmp_path)
    assert environment["FLOWDECK_SPANS_PORT"] == "31010"

"""`python -m system`: the environment of its processes, and the command `logs`."""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.settings import DashboardSettings
from system import __main__
from system.__main__ import environment, follow_logs, main, ports
from system.dapr.api_token import write_token
from system.dapr.settings import PROJECT, DaprSettings
from system.preconditions import CannotStart
from tests.waiting import STARTUP, eventually
from worker.settings import WorkerSettings


def test_every_port_is_checked() -> None:
    """Dapr has ten ports, the recorder, the API and the dashboard one each."""
    dapr = DaprSettings(dapr_ports=31000)
    found = ports(dapr, WorkerSettings(api_port=7), DashboardSettings(page_port=8))
    assert found == {**dapr.ports, "traces": 31010, "REST API": 7, "dashboard": 8}


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_no_proxy_is_used_for_the_loopback(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """127.0.0.1 is added to the exceptions that the user has set."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(name, "intranet.example")
    variables = environment(DaprSettings(), WorkerSettings(), "token")
    assert variables["no_proxy"] == "intranet.example,127.0.0.1"


def test_processes_know_the_sidecar_and_the_data(tmp_path: Path) -> None:
    """Dapr's own variable has the address of daprd; the path of the data is absolute."""
    token = write_token(tmp_path, None)
    dapr, worker = DaprSettings(home=tmp_path, dapr_ports=31000), WorkerSettings(api_port=7)
    variables = environment(dapr, worker, token)
    assert variables["FLOWDECK_WORKER_URL"] == "http://127.0.0.1:7"
    assert variables["DAPR_GRPC_ENDPOINT"] == "127.0.0.1:31007"
    assert variables["FLOWDECK_HOME"] == str(tmp_path)
    assert variables["FLOWDECK_SPANS_PORT"] == "31010"
    assert variables["DAPR_API_TOKEN"] == token
    at_ipv6 = environment(dapr, WorkerSettings(api_host="::1", api_port=7), token)
    assert at_ipv6["FLOWDECK_WORKER_URL"] == "http://[::1]:7"


def test_logs_follows_every_log_file(tmp_path: Path) -> None:
    """`python -m system logs` prints the lines of the files, and new lines."""
    folder = tmp_path / "data" / "logs"
    folder.mkdir(parents=True)
    for name in ("worker", "daprd"):
        (folder / f"{name}.log").write_text(f"{name} says hello\n")
    output = tmp_path / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "system", "logs"],
            cwd=PROJECT,
            env={**os.environ, "FLOWDECK_HOME": str(tmp_path)},
            stdout=file,
        )
    try:
        eventually(lambda: output.read_text().count("says hello") == 2, STARTUP, "both files")
        with (folder / "worker.log").open("a") as file:
            file.write("more\n")
        eventually(lambda: "more\n" in output.read_text(), 20, "the new line")
    finally:
        process.kill()
        process.wait()


def test_logs_without_log_files_is_an_error(tmp_path: Path) -> None:
    """The message says which command writes them."""
    with pytest.raises(CannotStart, match=r"No log files in .*: `make run` writes them"):
        follow_logs(tmp_path)


def test_ctrl_c_during_the_build_ends_without_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line is the same as after the start; make prints no error."""
    monkeypatch.setattr(logging, "raiseExceptions", True)  # restored after the test
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "run", interrupted)
    main([])
    assert capsys.readouterr().out == "flowdeck  | Stopped; nothing is lost.\n"

"""What `python -m system` gives to its processes, and how it follows their logs."""

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
from system.dapr.settings import PROJECT, DaprSettings
from system.preconditions import CannotStart
from tests.waiting import eventually
from worker.settings import WorkerSettings


def test_every_port_is_checked() -> None:
    """Dapr's ten, the recorder's for traces, the API's and the dashboard's."""
    dapr = DaprSettings(dapr_ports=31000)
    found = ports(dapr, WorkerSettings(api_port=7), DashboardSettings(page_port=8))
    assert found == {**dapr.ports, "traces": 31010, "REST API": 7, "dashboard": 8}


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_no_proxy_is_used_for_the_loopback(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The user's own exceptions stay; 127.0.0.1 is added."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(name, "intranet.example")
    assert environment(DaprSettings())["no_proxy"] == "intranet.example,127.0.0.1"


def test_processes_know_the_sidecar_and_the_data(tmp_path: Path) -> None:
    """The worker finds daprd by Dapr's own variable, the data by an absolute path."""
    variables = environment(DaprSettings(home=tmp_path, dapr_ports=31000))
    assert variables["DAPR_GRPC_ENDPOINT"] == "127.0.0.1:31007"
    assert variables["FLOWDECK_HOME"] == str(tmp_path)
    assert variables["FLOWDECK_SPANS_PORT"] == "31010"


def test_logs_follows_every_file_of_the_home(tmp_path: Path) -> None:
    """`python -m system logs` prints what the files hold, and what is added to them."""
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
        eventually(lambda: output.read_text().count("says hello") == 2, 20, "both files")
        with (folder / "worker.log").open("a") as file:
            file.write("more\n")
        eventually(lambda: "more\n" in output.read_text(), 20, "the new line")
    finally:
        process.kill()
        process.wait()


def test_without_log_files_logs_says_what_writes_them(tmp_path: Path) -> None:
    """An empty folder is no silent wait."""
    with pytest.raises(CannotStart, match=r"No log files in .*: `make run` writes them"):
        follow_logs(tmp_path)


def test_ctrl_c_amid_a_build_ends_as_calmly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line is the same as later, and the exit code adds none of make's."""
    monkeypatch.setattr(logging, "raiseExceptions", True)  # restored after the test
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(__main__, "run", interrupted)
    main([])
    assert capsys.readouterr().out == "flowdeck  | Stopped; nothing is lost.\n"

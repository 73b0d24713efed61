"""`make run`: a short console, one system for each data folder, no process left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from operations.settings import is_loopback
from system.dapr.build import ensure
from system.dapr.installed import version_of
from system.dapr.settings import PROJECT
from tests.integration.stack import RECOVERY, Stack, processes_of, unique
from tests.ports import first_port
from tests.waiting import eventually

# Dapr 1.18.2 ignores `--healthz-listen-address`: these two answer "ok" on every address.
ON_EVERY_ADDRESS = {"placement healthz", "scheduler healthz"}


def test_everything_listens_on_loopback_except_two_health_ports(stack: Stack) -> None:
    """Every listening socket is on the loopback, except two health ports of Dapr."""
    names = {port: name for name, port in stack.ports.items()}
    elsewhere = set()
    for pid in processes_of(stack.folder):
        for connection in psutil.Process(pid).net_connections(kind="inet"):
            is_open = connection.status == psutil.CONN_LISTEN or (
                connection.type.name == "SOCK_DGRAM" and not connection.raddr
            )
            if is_open and not is_loopback(connection.laddr.ip):
                elsewhere.add(names.get(connection.laddr.port, f"port {connection.laddr.port}"))
    assert elsewhere <= ON_EVERY_ADDRESS


def test_dapr_s_output_is_in_files_of_its_own(stack: Stack) -> None:
    """Each process writes its version to its file; the console has none of it."""
    version = version_of(ensure(print) / "daprd")
    for process in ("placement", "scheduler", "daprd"):
        assert f"version {version}" in stack.log(process), process
        assert "ver=unknown" not in stack.log(process)
    assert "level=info" not in stack.output


def test_the_console_is_short_until_the_addresses(stack: Stack) -> None:
    """The console shows the folder of the log files, the worker's steps and the addresses.

    It also shows errors; on a busy machine Dapr's processes may have some while they connect.
    """
    lines = stack.output.split("Submit an order")[0].splitlines()
    start = [line for line in lines if " ERROR " not in line]
    assert f"The full output is in {stack.folder}/data/logs" in "\n".join(start)
    assert {line.split("|")[0].strip() for line in start} == {"flowdeck", "worker"}
    assert len(start) < 15


def test_the_welcome_has_the_addresses_and_a_curl_line(stack: Stack) -> None:
    """When the system is ready, the console shows the addresses and a curl line."""
    eventually(lambda: "Flowdeck is ready" in stack.output, 10, "the welcome")
    assert f"REST API   {stack.url}" in stack.output
    assert f"curl -X POST {stack.url}/workflow/start" in stack.output


def test_a_step_of_an_order_is_a_line_with_its_id(stack: Stack) -> None:
    """The console has each of the specification's sentences once, with the instance id."""
    order_id = unique("LOG")
    instance_id = stack.start_order(order_id)
    stack.wait_for(instance_id, "COMPLETED")
    for sentence in (
        f"🚀 Starting workflow for order: {order_id}",
        "⚡ Launching parallel activities...",
        "[Activity 1 - PARALLEL] Processing order",
        "[Activity 2 - PARALLEL] Checking inventory for order",
        "✅ Parallel activities completed",
        "📧 Running sequential confirmation activity...",
        "[Activity 3 - SEQUENTIAL] Sending confirmation with data",
        f"✅ Workflow completed for order: {order_id}",
    ):
        lines = [line for line in stack.output.splitlines() if sentence in line]
        assert len([line for line in lines if f"instance_id={instance_id}" in line]) == 1, sentence
    assert "laptop" not in stack.log("worker")


def test_a_second_system_is_refused(stack: Stack, tmp_path: Path) -> None:
    """The message names a port in use with its process, or the data folder in use."""
    ports = _run_until_it_ends({**stack.environment, "FLOWDECK_HOME": str(tmp_path)})
    assert f"Port {stack.api_port} (REST API) is in use by process" in ports
    assert "FLOWDECK_DAPR_PORTS" in ports
    folder = _run_until_it_ends(
        {**stack.environment, "FLOWDECK_DAPR_PORTS": str(first_port(29020))}
    )
    assert f"runs Flowdeck on {stack.folder}" in folder


@pytest.mark.parametrize("name", ["FLOWDECK_DAPR_PORTS", "FLOWDECK_FAULT_RATE", "DAPR_GRPC_PORT"])
def test_a_bad_setting_is_named(tmp_path: Path, name: str) -> None:
    """An invalid setting of any process ends the start; the message has the value found."""
    output = _run_until_it_ends({**os.environ, "FLOWDECK_HOME": str(tmp_path), name: "many"})
    assert f"{name}: found 'many', expected a valid" in output


def test_ctrl_c_ends_everything_in_order(second: Callable[[], Stack]) -> None:
    """No process is left, no process logs an error, and the last line says that nothing is lost."""
    system = second()
    system.start()
    assert system.stop() == 0
    assert not processes_of(system.folder)
    assert system.output.splitlines()[-2:] == [
        "flowdeck  | Stopping.",
        "flowdeck  | Stopped; nothing is lost.",
    ]
    for process in ("worker", "recorder", "dashboard"):
        assert "Traceback" not in system.log(process)
        assert "RpcError" not in system.log(process)


@pytest.mark.slow
def test_no_process_survives_the_kill_of_the_system(second: Callable[[], Stack]) -> None:
    """A kill -9 of the supervisor leaves no process."""
    system = second()
    system.start()
    os.kill(system.pid, signal.SIGKILL)
    assert system.exit_code(20) == -signal.SIGKILL
    eventually(lambda: not processes_of(system.folder), 15, "no process is left")


@pytest.mark.slow
def test_orders_survive_the_kill_of_the_whole_system(second: Callable[[], Stack]) -> None:
    """Orders that run during a kill -9 of the system complete after the next start."""
    system = second()
    system.start()
    orders = [system.start_order(unique("ALL")) for _ in range(3)]
    os.kill(system.pid, signal.SIGKILL)
    system.exit_code(20)
    eventually(lambda: not processes_of(system.folder), 15, "no process is left")
    system.start()
    for instance_id in orders:
        system.wait_for(instance_id, "COMPLETED", RECOVERY)
    system.stop()


def _run_until_it_ends(environment: dict[str, str]) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "system"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    return ended.stdout + ended.stderr

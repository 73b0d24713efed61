"""What `make run` promises of the whole: one address, one owner of the data, no process left."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from engine.build import ensure
from engine.installed import version_of
from engine.settings import PROJECT
from tests.integration.stack import PROCESSES, RECOVERY, Stack, processes_of, unique
from tests.waiting import eventually

# Dapr 1.18.2 ignores `--healthz-listen-address`: these two answer "ok" on every address.
ON_EVERY_ADDRESS = {"placement healthz", "scheduler healthz"}


def test_everything_listens_on_loopback_but_what_dapr_cannot(stack: Stack) -> None:
    """Every listening socket is on 127.0.0.1, except two health ports that Dapr opens to all."""
    names = {port: name for name, port in stack.ports.items()}
    abroad = set()
    for pid in processes_of(stack.folder):
        for connection in psutil.Process(pid).net_connections(kind="inet"):
            is_open = connection.status == psutil.CONN_LISTEN or (
                connection.type.name == "SOCK_DGRAM" and not connection.raddr
            )
            if is_open and connection.laddr.ip != "127.0.0.1":
                abroad.add(names.get(connection.laddr.port, f"port {connection.laddr.port}"))
    assert abroad <= ON_EVERY_ADDRESS


def test_the_logs_name_the_version(stack: Stack) -> None:
    """The engine's lines say which Dapr it is."""
    version = version_of(ensure(print) / "daprd")
    for process in ("placement", "scheduler", "daprd"):
        begins = [line for line in stack.output.splitlines() if line.startswith(f"{process:<9} |")]
        assert any(f"version {version}" in line for line in begins), process
    assert "ver=unknown" not in stack.output


def test_every_line_is_named(stack: Stack) -> None:
    """Each line of output begins with the name of its process."""
    names = {line.split("|")[0].strip() for line in stack.output.splitlines()}
    assert names == {"flowdeck", *PROCESSES}


def test_the_welcome_says_where_to_go_and_what_to_try(stack: Stack) -> None:
    """When all is ready, the addresses and a curl line are printed."""
    eventually(lambda: "Flowdeck is ready" in stack.output, 10, "the welcome")
    assert f"REST API   {stack.url}" in stack.output
    assert f"curl -X POST {stack.url}/workflow/start" in stack.output


def test_a_step_of_an_order_is_a_line_with_its_id(stack: Stack) -> None:
    """The specification's sentences are in the log, once each, with the instance's id."""
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
    assert "laptop" not in "".join(
        line for line in stack.output.splitlines() if line.startswith("worker")
    )


def test_a_second_system_is_told_what_is_taken(stack: Stack, tmp_path: Path) -> None:
    """A port in use is named with who holds it; so is a data folder."""
    ports = _run_until_it_ends({**stack.environment, "FLOWDECK_HOME": str(tmp_path)})
    assert f"Port {stack.api_port} (REST API) is in use by process" in ports
    assert "FLOWDECK_ENGINE_PORTS" in ports
    folder = _run_until_it_ends({**stack.environment, "FLOWDECK_ENGINE_PORTS": "29020"})
    assert f"runs Flowdeck on {stack.folder}" in folder


@pytest.mark.parametrize("name", ["FLOWDECK_ENGINE_PORTS", "FLOWDECK_FAULT_RATE", "DAPR_GRPC_PORT"])
def test_a_bad_setting_is_named(tmp_path: Path, name: str) -> None:
    """A setting that cannot be, whosever it is, stops the start, and what was found is said."""
    output = _run_until_it_ends({**os.environ, "FLOWDECK_HOME": str(tmp_path), name: "many"})
    assert f"{name}: found 'many', expected a valid" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_system(
    second: Callable[[], Stack], number: signal.Signals
) -> None:
    """Ctrl-C, SIGTERM and even kill -9 of the system leave no process."""
    system = second()
    system.start()
    os.kill(system.pid, number)
    assert system.exit_code(20) in (0, -signal.SIGKILL)
    eventually(lambda: not processes_of(system.folder), 15, "no process is left")


@pytest.mark.slow
def test_orders_outlive_the_kill_of_the_whole_system(second: Callable[[], Stack]) -> None:
    """Kill -9 of the system with orders under way, then a new start: the orders complete."""
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

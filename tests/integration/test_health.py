"""`/health` names each failure; other endpoints answer 503 in time."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest

from operations.ledger import open_ledger
from operations.model import Service
from system.dapr.settings import PROJECT
from tests.http_client import http_client
from tests.integration.stack import RECOVERY, Stack, unique
from tests.waiting import STARTUP, eventually


def test_a_healthy_system_answers_as_specified(stack: Stack) -> None:
    """A healthy system answers 200 with the specification's body."""
    assert stack.health() == (200, {"status": "healthy", "workflow_runtime": "running"})


def test_a_sidecar_that_hangs_is_named_in_time(stack: Stack) -> None:
    """With a suspended daprd every endpoint answers 503 in time; then the system recovers."""
    order = {"order_id": unique("HUNG"), "amount": 1, "items": ["pen"]}
    with stack.frozen("daprd"):
        code, body = stack.health()
        assert code == 503
        assert "no answer in time" in body["problems"][0]
        answer = stack.post("/workflow/start", order)
        assert answer.status_code == 503
        assert "engine" in answer.json()["detail"]
        read = http_client.get(f"{stack.url}/workflow/status/order_x")
        assert (read.status_code, read.json()["error"]) == (503, "DaprUnavailable")
    stack.wait_until_healthy(RECOVERY)
    eventually(
        lambda: stack.post("/workflow/start", order).status_code == 200, 15, "the start is safe"
    )
    stack.wait_for(f"order_{order['order_id']}", "COMPLETED", RECOVERY)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("placement", "placement"),
        pytest.param("scheduler", "scheduler", marks=pytest.mark.slow),
        ("daprd", "no sidecar accepts"),
    ],
)
def test_a_dead_process_of_the_engine_is_named(stack: Stack, name: str, text: str) -> None:
    """After a kill -9 of a process of the engine `/health` names it until it has recovered."""
    process = stack.process(name)
    assert process
    process.kill()

    def named() -> bool:
        code, body = stack.health()
        return code == 503 and any(text in problem for problem in body["problems"])

    eventually(named, 15, f"/health names {name}")
    stack.wait_until_healthy(RECOVERY)


def test_a_worker_that_hangs_is_named(stack: Stack) -> None:
    """The recorder reports what only its probe finds, until the worker answers again."""
    with closing(open_ledger(f"sqlite:///{stack.folder}/data/ledger.db")) as ledger:

        def reasons() -> list[str]:
            outages = ledger.heartbeat().outages
            return [each.reason for each in outages if each.service is Service.WORKER]

        with stack.frozen("worker"):
            eventually(lambda: "the worker does not answer" in reasons(), 30, "it is reported")
        eventually(lambda: not reasons(), RECOVERY, "the worker is back")
    stack.wait_until_healthy(RECOVERY)


def test_a_hundred_requests_are_answered_in_time(stack: Stack) -> None:
    """With a suspended daprd a hundred requests at once are each answered within 5 seconds."""
    with stack.frozen("daprd"), ThreadPoolExecutor(100) as pool:
        status = f"{stack.url}/workflow/status/order_x"
        answers = list(pool.map(lambda _: http_client.get(status).status_code, range(100)))
        assert answers == [503] * 100
    stack.wait_until_healthy(RECOVERY)


class LoneWorker:
    """A worker without an engine."""

    def __init__(self, folder: Path) -> None:
        self.port, self.grpc_port = _free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = folder / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "worker"],
                cwd=PROJECT,
                env={
                    **os.environ,
                    "FLOWDECK_HOME": str(folder),
                    "FLOWDECK_API_PORT": str(self.port),
                    "DAPR_GRPC_PORT": str(self.grpc_port),
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        eventually(self._answers, STARTUP, "the worker answers")

    def _answers(self) -> bool:
        try:
            return http_client.get(self.url).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture
def lone_worker(tmp_path: Path) -> Iterator[LoneWorker]:
    """Start a worker without an engine."""
    worker = LoneWorker(tmp_path)
    yield worker
    worker.process.kill()
    worker.process.wait()


def test_a_worker_without_an_engine_names_the_problem(
    lone_worker: LoneWorker,
) -> None:
    """Without an engine `/health` and every endpoint that needs the engine answer 503."""
    health = http_client.get(f"{lone_worker.url}/health")
    assert health.status_code == 503
    assert health.json()["workflow_runtime"] == "starting"
    assert "no sidecar accepts the connection" in health.json()["problems"][0]
    order = {"order_id": "X", "amount": 1, "items": ["pen"]}
    for answer in (
        http_client.post(f"{lone_worker.url}/workflow/start", json=order),
        http_client.get(f"{lone_worker.url}/workflow/status/order_X"),
        http_client.post(f"{lone_worker.url}/workflow/pause/order_X"),
        http_client.post(f"{lone_worker.url}/workflow/resume/order_X"),
        http_client.post(f"{lone_worker.url}/workflow/terminate/order_X"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (503, "DaprUnavailable")


def test_a_worker_without_a_ledger_opens_it_later(tmp_path: Path) -> None:
    """The API answers 503 until the ledger's file can be opened."""
    obstacle = tmp_path / "data" / "ledger.db"
    (obstacle / "full").mkdir(parents=True)
    worker = LoneWorker(tmp_path)
    try:
        answer = http_client.get(f"{worker.url}/workflows")
        assert (answer.status_code, answer.json()["error"]) == (503, "LedgerUnavailable")
        (obstacle / "full").rmdir()
        obstacle.rmdir()
        assert http_client.get(f"{worker.url}/workflows").json()["workflows"] == []
    finally:
        worker.process.kill()
        worker.process.wait()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_ends_within_seconds(
    lone_worker: LoneWorker, signal_number: signal.Signals
) -> None:
    """SIGINT and SIGTERM end a worker without a traceback while it waits for its engine.

    Its last line says that nothing is lost; uvicorn ends it by the signal SIGTERM itself.
    """
    lone_worker.process.send_signal(signal_number)
    assert lone_worker.process.wait(timeout=8) in (0, -signal_number)
    output = lone_worker.output.read_text()
    assert "Traceback" not in output
    if signal_number is signal.SIGINT:
        assert "Stopped; nothing is lost." in output.splitlines()[-1]


def test_a_worker_that_ends_leaves_its_orders_to_the_engine(stack: Stack) -> None:
    """A worker ends within seconds of SIGTERM; the next worker completes its orders."""
    orders = [stack.start_order(unique("LEFT")) for _ in range(3)]
    worker = stack.process("worker")
    assert worker
    worker.terminate()
    eventually(lambda: not _is_alive(worker), 8, "the worker has ended")
    for instance_id in orders:
        done = stack.wait_for(instance_id, "COMPLETED", RECOVERY)
        assert done["output"]["workflow_status"] == "completed"


def test_a_worker_with_a_hung_sidecar_ends_within_seconds(stack: Stack) -> None:
    """SIGTERM ends a worker whose sidecar has stopped answering."""
    worker = stack.process("worker")
    assert worker
    with stack.frozen("daprd"):
        worker.terminate()
        eventually(lambda: not _is_alive(worker), 8, "the worker has ended")
    stack.wait_until_healthy(RECOVERY)


# On some errors the SDK's loop ends for good, while the process and its HTTP server continue.
BROKEN_LOOP = """
import os, sys, time
from worker.activities import OrderActivities
from worker.runtime import OrderRuntime, RuntimeState
from worker.settings import WorkerSettings

token = os.environ["DAPR_API_TOKEN"]
runtime = OrderRuntime(sys.argv[1], OrderActivities(WorkerSettings()), api_token=token)
runtime.start()
while runtime.state is not RuntimeState.RUNNING:
    time.sleep(0.1)
runtime._runtime.shutdown()
time.sleep(60)
"""


def test_a_worker_whose_runtime_has_ended_ends(stack: Stack) -> None:
    """A worker that cannot take work any more ends, so that the supervisor restarts it."""
    endpoint = f"127.0.0.1:{stack.ports['dapr gRPC']}"
    worker = subprocess.run(
        [sys.executable, "-c", BROKEN_LOOP, endpoint],
        cwd=PROJECT,
        env={**os.environ, "DAPR_API_TOKEN": stack.token},
        capture_output=True,
        timeout=40,
        check=False,
    )
    assert worker.returncode == -signal.SIGTERM, worker.stderr
    stack.wait_until_healthy(RECOVERY)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports

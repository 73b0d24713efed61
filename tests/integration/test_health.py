"""What `/health` says in each failure, and that starts and reads say 503 in time."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from system.dapr.settings import PROJECT
from tests.integration.stack import RECOVERY, Stack, unique
from tests.waiting import eventually


def test_a_healthy_system_says_so_to_the_letter(stack: Stack) -> None:
    """Everything there: 200 and the specification's body."""
    assert stack.health() == (200, {"status": "healthy", "workflow_runtime": "running"})


def test_a_sidecar_that_hangs_is_named_and_waits_for_nobody(stack: Stack) -> None:
    """A frozen daprd: 503 in time from every endpoint, saying so; thawed, all is well again."""
    order = {"order_id": unique("HUNG"), "amount": 1, "items": ["pen"]}
    with stack.frozen("daprd"):
        code, body = stack.health()
        assert code == 503
        assert "no answer in time" in body["problems"][0]
        answer = stack.post("/workflow/start", order)
        assert answer.status_code == 503
        assert "engine" in answer.json()["detail"]
        read = httpx.get(f"{stack.url}/workflow/status/order_x", timeout=5)
        assert (read.status_code, read.json()["error"]) == (503, "DaprUnavailable")
    stack.wait_until_healthy(RECOVERY)
    eventually(
        lambda: stack.post("/workflow/start", order).status_code == 200, 15, "the start is safe"
    )
    stack.wait_for(f"order_{order['order_id']}", "COMPLETED", RECOVERY)


@pytest.mark.parametrize(
    ("name", "words"),
    [("placement", "placement"), ("scheduler", "scheduler"), ("daprd", "no sidecar accepts")],
)
def test_a_part_of_the_engine_that_is_gone_is_named(stack: Stack, name: str, words: str) -> None:
    """Kill -9 of a part of the engine: 503 that names it, then healthy by itself."""
    process = stack.process(name)
    assert process
    process.kill()

    def named() -> bool:
        code, body = stack.health()
        return code == 503 and any(words in problem for problem in body["problems"])

    eventually(named, 15, f"/health names {name}")
    stack.wait_until_healthy(RECOVERY)


def test_a_hundred_requests_wait_for_nobody(stack: Stack) -> None:
    """A frozen daprd and a hundred requests at once: each is answered within 5 seconds."""
    with stack.frozen("daprd"), ThreadPoolExecutor(100) as pool:
        status = f"{stack.url}/workflow/status/order_x"
        answers = list(pool.map(lambda _: httpx.get(status, timeout=5).status_code, range(100)))
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
        eventually(self._answers, 20, "the worker answers")

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture
def lone_worker(tmp_path: Path) -> Iterator[LoneWorker]:
    """Start a worker whose engine is not there."""
    worker = LoneWorker(tmp_path)
    yield worker
    worker.process.kill()
    worker.process.wait()


def test_a_worker_without_an_engine_serves_http_and_says_what_is_missing(
    lone_worker: LoneWorker,
) -> None:
    """No engine at all: 503 from `/health` and from every endpoint that needs it."""
    health = httpx.get(f"{lone_worker.url}/health", timeout=5)
    assert health.status_code == 503
    assert health.json()["workflow_runtime"] == "starting"
    assert "no sidecar accepts the connection" in health.json()["problems"][0]
    order = {"order_id": "X", "amount": 1, "items": ["pen"]}
    for answer in (
        httpx.post(f"{lone_worker.url}/workflow/start", json=order, timeout=5),
        httpx.get(f"{lone_worker.url}/workflow/status/order_X", timeout=5),
        httpx.post(f"{lone_worker.url}/workflow/pause/order_X", timeout=5),
        httpx.post(f"{lone_worker.url}/workflow/resume/order_X", timeout=5),
        httpx.post(f"{lone_worker.url}/workflow/terminate/order_X", timeout=5),
    ):
        assert (answer.status_code, answer.json()["error"]) == (503, "DaprUnavailable")


def test_a_worker_without_a_ledger_serves_http_and_opens_it_later(tmp_path: Path) -> None:
    """A folder where the ledger's file should be: 503, until it can be opened."""
    obstacle = tmp_path / "data" / "ledger.db"
    (obstacle / "full").mkdir(parents=True)
    worker = LoneWorker(tmp_path)
    try:
        answer = httpx.get(f"{worker.url}/workflows", timeout=5)
        assert (answer.status_code, answer.json()["error"]) == (503, "LedgerUnavailable")
        (obstacle / "full").rmdir()
        obstacle.rmdir()
        assert httpx.get(f"{worker.url}/workflows", timeout=5).json()["workflows"] == []
    finally:
        worker.process.kill()
        worker.process.wait()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_ends_within_seconds(
    lone_worker: LoneWorker, signal_number: signal.Signals
) -> None:
    """SIGINT and SIGTERM end a worker in good order, even one that still looks for its engine."""
    lone_worker.process.send_signal(signal_number)
    assert lone_worker.process.wait(timeout=8) in (0, -signal_number)
    assert "Traceback" not in lone_worker.output.read_text()


def test_a_worker_with_orders_under_way_leaves_them_to_the_engine(stack: Stack) -> None:
    """SIGTERM in the middle of orders: the worker ends in seconds, its successor completes them."""
    orders = [stack.start_order(unique("LEFT")) for _ in range(3)]
    worker = stack.process("worker")
    assert worker
    worker.terminate()
    eventually(lambda: not _is_alive(worker), 8, "the worker has ended")
    for instance_id in orders:
        done = stack.wait_for(instance_id, "COMPLETED", RECOVERY)
        assert done["output"]["workflow_status"] == "completed"


def test_a_worker_ends_within_seconds_though_its_sidecar_hangs(stack: Stack) -> None:
    """SIGTERM ends a worker that is connected to a sidecar which answers nothing any more."""
    worker = stack.process("worker")
    assert worker
    with stack.frozen("daprd"):
        worker.terminate()
        eventually(lambda: not _is_alive(worker), 8, "the worker has ended")
    stack.wait_until_healthy(RECOVERY)


# The SDK's loop ends for good on some errors, while the process and its HTTP server live on.
BROKEN_LOOP = """
import sys, time
from worker.activities import OrderActivities
from worker.runtime import OrderRuntime, RuntimeState
from worker.settings import WorkerSettings

runtime = OrderRuntime(sys.argv[1], OrderActivities(WorkerSettings()))
runtime.start()
while runtime.state is not RuntimeState.RUNNING:
    time.sleep(0.1)
runtime._runtime.shutdown()
time.sleep(60)
"""


def test_a_worker_whose_runtime_is_over_ends(stack: Stack) -> None:
    """A worker that can take no work any more ends, so that another is started in its place."""
    endpoint = f"127.0.0.1:{stack.ports['dapr gRPC']}"
    worker = subprocess.run(
        [sys.executable, "-c", BROKEN_LOOP, endpoint],
        cwd=PROJECT,
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

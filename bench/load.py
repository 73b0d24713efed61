"""What recorder and traces cost the engine at full load, on systems of the bench's own, in turn."""

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from operations.gateway import DaprGateway
from operations.ledger import Ledger, open_ledger
from operations.records import RecorderMetrics
from tests.integration.stack import AT_ONCE, Stack
from tests.waiting import eventually
from worker.orders import WORKFLOW, Order, instance_id_of

PORTS = 29100
ORDERS = 300  # a measurement
ROUNDS = 3
A_SECOND, STEADY = 8, 120  # orders a second, and how many, where the engine is far from full
STARTERS = 16
BETWEEN_READS = 0.02  # seconds
ALONE, TRACING = "the engine alone", "with traces that nobody takes"
POLLING, TRACED = "with the recorder, polling", "with the recorder, woken by traces"


@contextmanager
def system(*, traces: bool, at_once: bool = True) -> Iterator[Stack]:
    """Run a system on an empty folder; its activities take no time, or as long as they do."""
    settings = {**(AT_ONCE if at_once else {}), "FLOWDECK_TRACE_RATE": "1" if traces else "0"}
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), PORTS, settings) as stack:
        stack.start()
        yield stack


def gateway_of(stack: Stack) -> DaprGateway:
    """Return a gateway to a system's sidecar."""
    return DaprGateway(f"127.0.0.1:{stack.ports['dapr gRPC']}", write_timeout=30, read_timeout=30)


def ledger_url(stack: Stack) -> str:
    """Return the URL of a system's ledger."""
    return f"sqlite:///{stack.folder}/data/ledger.db"


def run_orders(gateway: DaprGateway, count: int) -> float:
    """Have so many orders done as quickly as the engine can; return the seconds that took."""
    ids = [instance_id_of(f"LOAD-{time.time_ns()}-{number}") for number in range(count)]
    began = time.monotonic()
    with ThreadPoolExecutor(STARTERS) as pool:
        list(pool.map(lambda each: _start(gateway, each), ids))
    for instance_id in ids:
        while not _is_over(gateway, instance_id):
            time.sleep(BETWEEN_READS)
    return time.monotonic() - began


def _start(gateway: DaprGateway, instance_id: str) -> None:
    order = Order(order_id=instance_id, amount=99.99, items=["laptop", "mouse"])
    gateway.start(WORKFLOW, instance_id, order.model_dump_json())


def _is_over(gateway: DaprGateway, instance_id: str) -> bool:
    instance = gateway.state(instance_id)
    return instance is not None and instance.status.is_finished


def run_steadily(gateway: DaprGateway, count: int) -> None:
    """Start so many orders, some a second, and wait for the last one's end."""
    ids = [instance_id_of(f"STEADY-{time.time_ns()}-{number}") for number in range(count)]
    with ThreadPoolExecutor(STARTERS) as pool:
        for instance_id in ids:
            pool.submit(_start, gateway, instance_id)
            time.sleep(1 / A_SECOND)
    eventually(lambda: _is_over(gateway, ids[-1]), 60, "the last order has ended")


@contextmanager
def _followed(kind: str) -> Iterator[tuple[DaprGateway, Ledger]]:
    with ExitStack() as around:
        stack = around.enter_context(system(traces=kind in {TRACING, TRACED}))
        gateway = around.enter_context(closing(gateway_of(stack)))
        if kind in {ALONE, TRACING}:
            around.enter_context(stack.frozen("recorder"))
        ledger = open_ledger(ledger_url(stack), gateway.app_id)
        yield gateway, around.enter_context(closing(ledger))


def _rate(kind: str) -> float:
    """Return the orders a second, and print the recorder's lag where it follows."""
    with _followed(kind) as (gateway, ledger):
        rate = ORDERS / run_orders(gateway, ORDERS)
        if kind in {POLLING, TRACED}:
            print(f"  full load, {kind}: {_measured(ledger, ORDERS)}")
        return rate


def _measured(ledger: Ledger, count: int) -> str:
    """Return what the recorder measured, once so many are in the ledger with all there is."""
    eventually(lambda: len(ledger.runs.finished()) >= count, 60, "the recorder has all")
    then = datetime.now(UTC)
    eventually(lambda: (ledger.heartbeat().heartbeat_at or then) > then, 10, "a beat")
    told = ledger.heartbeat().metrics or RecorderMetrics()
    return f"lag {told.lag_p50:.2f} s in the median, p95 {told.lag_p95:.2f} s"


def measure() -> None:
    """Print what each kind of following leaves of the engine's full load, and its lag."""
    rates = defaultdict(list)
    for _ in range(ROUNDS):
        for kind in (ALONE, TRACING, POLLING, TRACED):
            rates[kind].append(_rate(kind))
    alone = statistics.median(rates[ALONE])
    for kind, found in rates.items():
        median = statistics.median(found)
        print(
            f"full load, {kind}: median {median:.1f} orders a second ({ROUNDS} times, "
            f"{min(found):.1f} to {max(found):.1f}), {median / alone:.0%} of the engine alone"
        )
    for kind in (POLLING, TRACED):
        with _followed(kind) as (gateway, ledger):
            run_steadily(gateway, STEADY)
            print(f"{A_SECOND} orders a second, {kind}: {_measured(ledger, STEADY)}")

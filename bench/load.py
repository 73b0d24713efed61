"""Measures the cost of the recorder and of traces for the engine at full load."""

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil

from operations.gateway import DaprGateway
from operations.ledger import Ledger, open_ledger
from operations.recorder_report import RecorderMetrics
from tests.integration.stack import AT_ONCE, Stack
from tests.waiting import eventually
from worker.orders import WORKFLOW, Order, instance_id_of

PORTS = 29100
ORDERS = 300  # a measurement
ROUNDS = 3
A_SECOND, STEADY = 8, 120  # orders a second, and their number, for an engine far below full load
STARTERS = 16
BETWEEN_READS = 0.02  # seconds
ALONE, TRACING = "the engine alone", "with traces that nobody receives"
POLLING, TRACED = "with the recorder, polling", "with the recorder, woken by traces"


@contextmanager
def system(*, traces: bool, at_once: bool = True) -> Iterator[Stack]:
    """Run a system on an empty folder; with `at_once` its activities take no time."""
    settings = {**(AT_ONCE if at_once else {}), "FLOWDECK_TRACE_RATE": "1" if traces else "0"}
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), PORTS, settings) as stack:
        stack.start()
        yield stack


def gateway_of(stack: Stack) -> DaprGateway:
    """Return a gateway to the sidecar of a system."""
    return stack.gateway(write_timeout=30, read_timeout=30)


def ledger_url(stack: Stack) -> str:
    """Return the URL of the ledger of a system."""
    return f"sqlite:///{stack.folder}/data/ledger.db"


def run_orders(gateway: DaprGateway, count: int) -> float:
    """Run `count` orders as quickly as the engine can; return the seconds until all have ended."""
    ids = [instance_id_of(f"LOAD-{time.time_ns()}-{number}") for number in range(count)]
    started = time.monotonic()
    with ThreadPoolExecutor(STARTERS) as pool:
        list(pool.map(lambda each: _start(gateway, each), ids))
    for instance_id in ids:
        while not _has_ended(gateway, instance_id):
            time.sleep(BETWEEN_READS)
    return time.monotonic() - started


def _start(gateway: DaprGateway, instance_id: str) -> None:
    order = Order(order_id=instance_id, amount=99.99, items=["laptop", "mouse"])
    gateway.start(WORKFLOW, instance_id, order.model_dump_json())


def _has_ended(gateway: DaprGateway, instance_id: str) -> bool:
    instance = gateway.state(instance_id)
    return instance is not None and instance.status.is_finished


def run_steadily(gateway: DaprGateway, count: int) -> None:
    """Start `count` orders, `A_SECOND` each second, and wait until the last one has ended."""
    ids = [instance_id_of(f"STEADY-{time.time_ns()}-{number}") for number in range(count)]
    with ThreadPoolExecutor(STARTERS) as pool:
        for instance_id in ids:
            pool.submit(_start, gateway, instance_id)
            time.sleep(1 / A_SECOND)
    eventually(lambda: _has_ended(gateway, ids[-1]), 60, "the last order has ended")


@contextmanager
def _followed(kind: str) -> Iterator[tuple[DaprGateway, Ledger]]:
    with ExitStack() as resources:
        stack = resources.enter_context(system(traces=kind in {TRACING, TRACED}))
        gateway = resources.enter_context(closing(gateway_of(stack)))
        if kind in {ALONE, TRACING}:
            resources.enter_context(stack.frozen("recorder"))
        ledger = open_ledger(ledger_url(stack), gateway.app_id)
        yield gateway, resources.enter_context(closing(ledger))


def _at_full_load(kind: str) -> tuple[float, float]:
    """Return the orders a second, and the milliseconds of CPU time of the system for an order.

    Print the lag of the recorder if it runs.
    """
    with _followed(kind) as (gateway, ledger):
        before = _cpu_seconds()
        rate = ORDERS / run_orders(gateway, ORDERS)
        cpu = (_cpu_seconds() - before) / ORDERS * 1000
        if kind in {POLLING, TRACED}:
            print(f"  full load, {kind}: {_lag(ledger, ORDERS)}")
        return rate, cpu


def _cpu_seconds() -> float:
    """Return the CPU time that the processes of the system have used."""
    times = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return sum(each.user + each.system for each in times)


def _lag(ledger: Ledger, count: int) -> str:
    """Return the recorder's lag as text, once the ledger has `count` finished runs."""
    eventually(lambda: len(ledger.runs.finished()) >= count, 60, "the recorder has read all runs")
    now = datetime.now(UTC)
    eventually(lambda: (ledger.heartbeat().heartbeat_at or now) > now, 10, "a heartbeat")
    metrics = ledger.heartbeat().metrics or RecorderMetrics()
    return f"lag {metrics.lag_p50:.2f} s in the median, p95 {metrics.lag_p95:.2f} s"


def measure() -> None:
    """Print the orders a second and the lag, with and without recorder and traces."""
    measured = defaultdict(list)
    for _ in range(ROUNDS):
        for kind in (ALONE, TRACING, POLLING, TRACED):
            measured[kind].append(_at_full_load(kind))
    alone = statistics.median(rate for rate, _ in measured[ALONE])
    for kind, results in measured.items():
        rates, cpu_times = zip(*results, strict=True)
        median = statistics.median(rates)
        print(
            f"full load, {kind}: median {median:.1f} orders a second ({ROUNDS} times, "
            f"{min(rates):.1f} to {max(rates):.1f}), {median / alone:.0%} of the engine alone, "
            f"{statistics.median(cpu_times):.1f} ms of CPU time for an order"
        )
    for kind in (POLLING, TRACED):
        with _followed(kind) as (gateway, ledger):
            run_steadily(gateway, STEADY)
            print(f"{A_SECOND} orders a second, {kind}: {_lag(ledger, STEADY)}")

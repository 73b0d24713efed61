"""Measures how many orders a second start through REST, and through the engine alone.

Both are measured in one run, in turn, because the machine is noisy.
"""

import statistics
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from uuid import uuid4

import httpx
import psutil

from bench.load import gateway_of, system
from operations.gateway import DaprGateway
from tests.integration.stack import PROCESSES, Stack
from tests.waiting import eventually
from worker.orders import WORKFLOW, Order, instance_id_of

SECONDS = 20
ROUNDS = 3
AT_ONCE = 30
OK = 200
ENGINE, REST = "the engine alone", "REST"


def _order() -> Order:
    return Order(order_id=f"START-{uuid4()}", amount=99.99, items=["laptop", "mouse"])


class StartBench:
    """Starts orders on a running system; `answers` counts the errors of REST."""

    def __init__(self, stack: Stack, gateway: DaprGateway) -> None:
        self._stack = stack
        self._gateway = gateway
        limits = httpx.Limits(max_connections=AT_ONCE)
        self._http = httpx.Client(base_url=stack.url, limits=limits, timeout=30)
        self.answers: Counter[int | str] = Counter()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def round(self, kind: str) -> tuple[float, dict[str, float]]:
        """Start orders for `SECONDS`, `AT_ONCE` at a time, and wait until they have ended.

        Return the starts a second, and the milliseconds of CPU time of each process for an order.
        The engine carries out orders while it starts others, as it does in production.
        """
        start = {ENGINE: self._by_engine, REST: self._by_rest}[kind]
        before, began = self._cpu(), time.monotonic()

        def start_in_turn(_: int) -> list[Order]:
            orders = []
            while time.monotonic() - began < SECONDS:
                orders.append(_order())
                start(orders[-1])
            return orders

        with ThreadPoolExecutor(AT_ONCE) as pool:
            orders = list(pool.map(start_in_turn, range(AT_ONCE)))
        count = sum(map(len, orders))
        rate = count / (time.monotonic() - began)
        for *_, last in orders:
            eventually(partial(self._has_ended, last), 120, "an order has ended")
        after = self._cpu()
        return rate, {name: (after[name] - before[name]) / count * 1000 for name in after}

    def _by_engine(self, order: Order) -> None:
        self._gateway.start(WORKFLOW, instance_id_of(order.order_id), order.model_dump_json())

    def _by_rest(self, order: Order) -> None:
        answer = self._http.post("/workflow/start", json=order.model_dump())
        self.answers[answer.json().get("error") or answer.status_code] += 1

    def _has_ended(self, order: Order) -> bool:
        instance = self._gateway.state(instance_id_of(order.order_id))
        return instance is None or instance.status.is_finished

    def _cpu(self) -> dict[str, float]:
        """Return the CPU time of each process of the system, and of this client."""
        processes = {name: self._stack.process(name) for name in PROCESSES}
        times = {name: each.cpu_times() for name, each in processes.items() if each}
        times["client"] = psutil.Process().cpu_times()
        return {name: each.user + each.system for name, each in times.items()}


def measure() -> None:
    """Print the starts a second of both, their ratio, and the CPU time of each process."""
    measured: dict[str, list[tuple[float, dict[str, float]]]] = defaultdict(list)
    with (
        system(traces=True, at_once=False) as stack,
        closing(gateway_of(stack)) as gateway,
        closing(StartBench(stack, gateway)) as bench,
    ):
        for _ in range(ROUNDS):
            for kind in (ENGINE, REST):
                measured[kind].append(bench.round(kind))
    for kind, rounds in measured.items():
        rates = [rate for rate, _ in rounds]
        print(
            f"starts, {AT_ONCE} at once, {kind}: median {statistics.median(rates):.1f} a second "
            f"({ROUNDS} times, {min(rates):.1f} to {max(rates):.1f}); CPU time for an order: "
            + ", ".join(
                f"{name} {statistics.median(cpu[name] for _, cpu in rounds):.1f} ms"
                for name in rounds[0][1]
            )
        )
    ratios = [
        rest / engine
        for (engine, _), (rest, _) in zip(measured[ENGINE], measured[REST], strict=True)
    ]
    refused = {code: count for code, count in bench.answers.items() if code != OK}
    print(
        f"starts, REST against the engine alone: {statistics.median(ratios):.0%} in the median "
        f"({min(ratios):.0%} to {max(ratios):.0%}); answers other than 200: {refused or 'none'}"
    )

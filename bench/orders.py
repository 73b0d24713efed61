"""Measures how long an order takes, by the times of its history.

The lower limit is the time of the activities: 2 s in parallel, then 1 s.
"""

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from operations.actions import ActionContext, Actions, StartRequest
from operations.gateway import DaprGateway
from operations.model import Actor
from worker.orders import WORKFLOW, Order, instance_id_of

BENCH = Actor(name="bench", role="operator")
ROUNDS = 7
AT_ONCE = 5
PATIENCE = 60.0  # seconds for an order


def start(actions: Actions, order_id: str) -> str:
    """Start an order, and return its instance id."""
    order = Order(order_id=order_id, amount=99.99, items=["laptop", "mouse"])
    actions.start(
        StartRequest(WORKFLOW, instance_id_of(order_id), order.model_dump()), ActionContext(BENCH)
    )
    return instance_id_of(order_id)


class OrderBench:
    """Starts orders, and reads their durations from their histories."""

    def __init__(self, gateway: DaprGateway, actions: Actions) -> None:
        self._gateway = gateway
        self._actions = actions

    def orders(self, count: int) -> list[float]:
        """Start `count` orders at the same moment; return the seconds of each."""
        ids = [f"BENCH-{time.time_ns()}-{number}" for number in range(count)]
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(self._order, ids))

    def _order(self, order_id: str) -> float:
        instance_id = start(self._actions, order_id)
        deadline = time.monotonic() + PATIENCE
        while not self._actions.read(instance_id).status.is_finished:
            if time.monotonic() > deadline:
                sys.exit(f"{instance_id} has not ended after {PATIENCE:.0f} s.")
            time.sleep(0.05)
        times = {event.kind: event.timestamp for event in self._gateway.history(instance_id)}
        return (times["executionCompleted"] - times["executionStarted"]).total_seconds()


def measure(gateway: DaprGateway, actions: Actions) -> None:
    """Print one line for one order at a time, and one for several at once."""
    bench = OrderBench(gateway, actions)
    for count in (1, AT_ONCE):
        seconds = sorted(each for _ in range(ROUNDS) for each in bench.orders(count))
        print(
            f"{count} at once, {len(seconds)} orders: "
            f"median {statistics.median(seconds):.3f} s, "
            f"fastest {seconds[0]:.3f} s, slowest {seconds[-1]:.3f} s (limit 3.000 s)"
        )

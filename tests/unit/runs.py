"""Runs in the engine in memory, with the histories that they would have."""

from collections.abc import Callable

from operations.errors import LedgerUnavailable
from operations.history import HistoryEvent
from operations.model import Actor, Status
from tests.unit.events import child, completed, ended, scheduled, started, timer, turn
from tests.unit.fakes import FakeGateway, instance

ANN = Actor("ann", "operator")
TWO_STEPS = (
    scheduled(1, 1, "reserve", payload='"paper"'),
    completed(1, 2),
    scheduled(2, 3, "charge", payload="5"),
    completed(2, 4),
    timer(3, 5, 6),
)


def put(
    gateway: FakeGateway,
    instance_id: str = "order_A",
    status: Status = Status.COMPLETED,
    steps: tuple[HistoryEvent, ...] = TWO_STEPS,
    parent: str | None = None,
) -> None:
    """Have an instance with its history."""
    end = (ended(9),) if status.is_finished else ()
    start = started(0, execution_id=f"e-{instance_id}", instance_id=parent)
    gateway.put(instance(instance_id, status, "{}"))
    gateway.events[instance_id] = (turn(0.001), start, *steps, *end)


def put_family(gateway: FakeGateway, status: Status = Status.COMPLETED) -> None:
    """Have a finished parent, a finished child, and below that one of a status."""
    put(gateway, "order_A", steps=(child(1, 1, "order_A1"),))
    put(gateway, "order_A1", steps=(child(1, 1, "order_A2"),), parent="order_A")
    put(gateway, "order_A2", status, parent="order_A1")


def lost(*_: object, **__: object) -> None:
    """Be a ledger that cannot be reached."""
    raise LedgerUnavailable("disk full")


def after(calls: int, do: Callable[[], object]) -> Callable[[], object]:
    """Return what does something the given time it is called, and nothing before and after."""
    left = [calls]

    def count() -> None:
        left[0] -= 1
        if left[0] == 0:
            do()

    return count

"""Runs in the engine in memory, with their histories."""

from collections.abc import Callable

from operations.errors import LedgerUnavailable
from operations.history import HistoryEvent
from operations.model import Actor, Status
from tests.unit.events import child, completed, ended, scheduled, started, timer, turn
from tests.unit.fakes import FakeGateway, instance

ANN = Actor("ann", "operator")
TWO_CALLS = (
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
    events: tuple[HistoryEvent, ...] = TWO_CALLS,
    parent: str | None = None,
) -> None:
    """Add an instance and its history."""
    end = (ended(9),) if status.is_finished else ()
    start = started(0, execution_id=f"e-{instance_id}", instance_id=parent)
    gateway.put(instance(instance_id, status, "{}"))
    gateway.events[instance_id] = (turn(0.001), start, *events, *end)


def put_with_descendants(gateway: FakeGateway, status: Status = Status.COMPLETED) -> None:
    """Add a finished parent, its finished child, and a grandchild with this status."""
    put(gateway, "order_A", events=(child(1, 1, "order_A1"),))
    put(gateway, "order_A1", events=(child(1, 1, "order_A2"),), parent="order_A")
    put(gateway, "order_A2", status, parent="order_A1")


def ledger_away(*_: object, **__: object) -> None:
    """Raise `LedgerUnavailable`: replaces a method of the ledger."""
    raise LedgerUnavailable("disk full")


def at_call(number: int, do: Callable[[], object]) -> Callable[[], object]:
    """Return a function that calls `do` only when it is called for the `number`th time."""
    left = [number]

    def count() -> None:
        left[0] -= 1
        if left[0] == 0:
            do()

    return count

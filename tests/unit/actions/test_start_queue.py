"""The queue of starts: few at a time, in order, for a limited time."""

import threading
from collections.abc import Callable, Sized
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from operations.actions import Actions, StartRequest
from operations.errors import TooManyStarts
from operations.ledger import Ledger, Reservation
from tests.unit.actions.conftest import BY_ANN
from tests.unit.fakes import FakeGateway
from tests.unit.runs import ANN
from tests.waiting import eventually

ORDER: dict[str, object] = {"amount": 1}


def start(actions: Actions, instance_id: str) -> bool:
    """Start an instance; return True if this call created it."""
    request = StartRequest("order_workflow", instance_id, ORDER)
    return actions.start(request, BY_ANN).created


class Gate:
    """Keeps each start inside the engine until it is opened; `inside` counts them."""

    def __init__(self, gateway: FakeGateway) -> None:
        self.inside = self.most = 0
        self._open = threading.Event()
        self._lock = threading.Lock()
        gateway.during["start"] = self._pass

    def open(self) -> None:
        """Let all starts pass."""
        self._open.set()

    def _pass(self) -> None:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        assert self._open.wait(30)
        with self._lock:
            self.inside -= 1


def test_few_starts_are_in_the_engine_at_once(
    limited: Callable[..., Actions], gateway: FakeGateway
) -> None:
    """The others wait for their turn, and all succeed."""
    gate, actions = Gate(gateway), limited(starts_at_once=3)
    with ThreadPoolExecutor(20) as pool:
        started = [pool.submit(start, actions, f"order_{number}") for number in range(20)]
        eventually(lambda: gate.inside == 3, 10, "three starts are in the engine")
        gate.open()
        assert all(each.result(timeout=30) for each in started)
    assert gate.most == 3


def test_starts_get_their_turn_in_order(
    limited: Callable[..., Actions], gateway: FakeGateway
) -> None:
    """A start that came first is not overtaken."""
    gate, actions = Gate(gateway), limited(starts_at_once=1)
    names = [f"order_{number}" for number in range(5)]
    waiting = actions._starts._queue._waiting
    with ThreadPoolExecutor(5) as pool:
        for name in names:
            before = gate.inside + len(waiting)
            pool.submit(start, actions, name)
            eventually(partial(_more_than, before, gate, waiting), 10, "the start waits")
        gate.open()
    assert list(gateway.instances) == names


def _more_than(number: int, gate: Gate, waiting: Sized) -> bool:
    return gate.inside + len(waiting) > number


def test_a_start_that_waited_too_long_is_refused(
    limited: Callable[..., Actions], gateway: FakeGateway, ledger: Ledger
) -> None:
    """Nothing is reserved and nothing is sent; a later start of the id succeeds."""
    gate, actions = Gate(gateway), limited(start=60, start_min_call=60, starts_at_once=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(start, actions, "order_A")
        eventually(lambda: gate.inside, 10, "the first start is in the engine")
        with pytest.raises(TooManyStarts, match="'order_B' was not started"):
            start(actions, "order_B")
        gate.open()
        assert first.result(timeout=30)
    assert ledger.reservations.latest("order_B") is None
    assert list(gateway.instances) == ["order_A"]
    assert start(actions, "order_B")


def test_too_many_starts_are_refused_at_once(
    limited: Callable[..., Actions], gateway: FakeGateway
) -> None:
    """They would occupy the threads that other actions need; the count shrinks again."""
    gate, actions = Gate(gateway), limited(starts_at_once=1, max_starts=3)
    with ThreadPoolExecutor(3) as pool:
        started = [pool.submit(start, actions, f"order_{number}") for number in range(3)]
        waiting = actions._starts._queue._waiting
        eventually(lambda: gate.inside + len(waiting) == 3, 10, "all wait")
        with pytest.raises(TooManyStarts):
            start(actions, "order_B")
        gate.open()
        assert all(each.result(timeout=30) for each in started)
    assert start(actions, "order_B")


def test_a_start_that_waits_for_the_same_start_has_no_turn(
    limited: Callable[..., Actions], gateway: FakeGateway, ledger: Ledger
) -> None:
    """Meanwhile another order starts, though only one start may be in the engine."""
    actions = limited(start_call=3600, starts_at_once=1)
    wanted = Reservation("order_A", "order_workflow", '{"amount": 1}', ANN)
    claimed = ledger.reservations.claim(wanted, None)
    assert claimed
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(start, actions, "order_A")
        eventually(lambda: gateway.calls["state"] > 2, 10, "the same start waits")
        assert start(actions, "order_B")
        assert not second.done()
        gateway.start("order_workflow", "order_A", wanted.payload)
        assert not second.result(timeout=30)

"""Pauses at random moments harm no order; an application that an SDK's fault harms is marked."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from threading import Thread

import pytest

from operations.errors import FlowdeckError
from operations.gateway import DaprGateway
from operations.history import HistoryEvent
from operations.model import Status
from operations.records import RunSummary
from tests.integration.rich import Rich
from tests.integration.richapp import EVENT
from tests.integration.stack import RECOVERY, Stack, unique
from tests.unit.snapshots import details_of
from tests.waiting import eventually

ANSWERS = {
    "taskCompleted": "taskScheduled",
    "taskFailed": "taskScheduled",
    "timerFired": "timerCreated",
}
PAUSES = 6  # of one order, at most
AT_ONCE = 8  # orders
SCHEDULING = frozenset(ANSWERS.values())
LINES = {
    "[Activity 1 - PARALLEL]": "process_order",
    "[Activity 2 - PARALLEL]": "check_inventory",
    "[Activity 3 - SEQUENTIAL]": "send_confirmation",
}
FAULTY = {
    "FLOWDECK_FAULT_RATE": "0.6",
    "FLOWDECK_LOG_FORMAT": "json",
    "FLOWDECK_PROCESS_SECONDS": "0.008",
    "FLOWDECK_CHECK_SECONDS": "0.008",
    "FLOWDECK_CONFIRM_SECONDS": "0.008",
}


class PausedOrders:
    """Starts orders, and pauses and resumes each several times, until it has ended."""

    def __init__(self, stack: Stack, gateway: DaprGateway) -> None:
        self._stack = stack
        self._gateway = gateway
        self.histories: dict[str, tuple[HistoryEvent, ...]] = {}

    def run(self, pauses: int) -> None:
        """Run orders until so many pauses took effect."""
        while self.pauses < pauses:
            with ThreadPoolExecutor(AT_ONCE) as threads:
                list(threads.map(lambda _: self._run_one(), range(AT_ONCE)))

    @property
    def pauses(self) -> int:
        """How many pauses are in the histories."""
        events = (event.kind for history in self.histories.values() for event in history)
        return Counter(events)["executionSuspended"]

    def _run_one(self) -> None:
        instance_id = self._stack.start_order(unique("PAUSED"))
        for _ in range(PAUSES):
            for _ in range(random.randrange(40)):  # noqa: S311 - a random time: a read takes 1 ms
                self._gateway.state(instance_id)
            with suppress(FlowdeckError):  # it has ended, or an answer is late
                self._gateway.pause(instance_id)
            eventually(lambda: self._is_idle(instance_id), RECOVERY, f"{instance_id} is idle")
            with suppress(FlowdeckError):
                self._gateway.resume(instance_id)
        self._resume_to_the_end(instance_id)
        self.histories[instance_id] = self._gateway.history(instance_id)

    def _is_idle(self, instance_id: str) -> bool:
        """Return True if everything that was scheduled has ended."""
        history = self._gateway.history(instance_id)
        answered = {(ANSWERS[e.kind], e.answers) for e in history if e.kind in ANSWERS}
        return set(scheduled(history)) <= answered

    def _resume_to_the_end(self, instance_id: str) -> None:
        def has_ended() -> bool:
            state = self._gateway.state(instance_id)
            assert state
            if state.status is Status.SUSPENDED:  # the answer of the last resume was late
                with suppress(FlowdeckError):
                    self._gateway.resume(instance_id)
            return state.status.is_finished

        eventually(has_ended, RECOVERY, f"{instance_id} has ended")


def scheduled(history: tuple[HistoryEvent, ...]) -> list[tuple[str, int]]:
    """Return the kinds and ids of everything that a workflow scheduled."""
    return [(each.kind, each.event_id) for each in history if each.kind in SCHEDULING]


def executions(stack: Stack) -> Counter[tuple[str, str]]:
    """Count the executions of each activity of each instance, from the worker's log."""
    folder = stack.folder / "data" / "logs"
    lines = (line for file in folder.glob("worker.log*") for line in file.read_text().splitlines())
    return Counter(_executions(lines))


def _executions(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        with suppress(json.JSONDecodeError, AttributeError):
            entry = json.loads(line)
            for start, name in LINES.items():
                if str(entry.get("event", "")).startswith(start):
                    yield entry["instance_id"], name


def assert_pauses_harm_nothing(stack: Stack, pauses: int) -> None:
    """Pause orders until so many pauses took effect, and check every history."""
    with closing(stack.gateway()) as gateway:
        orders = PausedOrders(stack, gateway)
        orders.run(pauses)
        ends = Counter(_assert_end(gateway, each) for each in orders.histories)
    ran = executions(stack)
    for instance_id, history in orders.histories.items():
        assert len(scheduled(history)) == len(set(scheduled(history))), instance_id
        attempts = Counter(each.name for each in history if each.kind == "taskScheduled")
        assert Counter({name: ran[instance_id, name or ""] for name in attempts}) == attempts
    print(f"{orders.pauses} pauses of {len(orders.histories)} orders: {dict(ends)}")  # noqa: T201
    assert ends[Status.COMPLETED]


def _assert_end(gateway: DaprGateway, instance_id: str) -> Status:
    """Return the status: completed, or failed because an activity failed at all its attempts."""
    state = gateway.state(instance_id)
    assert state
    if state.status is Status.FAILED:
        assert state.failure
        assert "FLOWDECK_FAULT_RATE" in state.failure.message, state.failure
        return Status.FAILED
    assert state.status is Status.COMPLETED
    return state.status


@pytest.mark.slow
def test_twenty_pauses_harm_no_order(second: Callable[..., Stack]) -> None:
    """The orders end as they would without pauses, and no attempt is executed twice."""
    system = second(**FAULTY)
    system.start()
    assert_pauses_harm_nothing(system, 20)


@pytest.mark.slow
def test_a_thousand_pauses_harm_no_order(second: Callable[..., Stack]) -> None:
    """The orders end as they would without pauses, and no attempt is executed twice."""
    system = second(**FAULTY)
    system.start()
    assert_pauses_harm_nothing(system, 1000)


def _paused_with_an_event(rich: Rich, seconds: int) -> str:
    """Start an instance; raise its event and pause it, so that both arrive in one turn.

    Both must arrive within `seconds`, while the instance is in its first turn.
    """
    instance_id = unique("with_slow_turn")
    arguments = ["with_slow_turn", instance_id, str(seconds)]
    start = Thread(target=rich.patient_gateway.start, args=arguments)
    start.start()
    eventually(lambda: rich.gateway.state(instance_id), 30, "the first turn has started")
    event = Thread(target=rich.raise_event, args=[instance_id, EVENT, "1"])
    event.start()
    rich.patient_gateway.pause(instance_id)
    for thread in (start, event):
        thread.join()
    return instance_id


def test_an_instance_that_repeats_an_action_is_marked(rich: Rich) -> None:
    """The application runs the uncorrected SDK: the mark, and the history up to there, is kept."""

    def marked() -> RunSummary | None:
        run = rich.ledger.runs.latest(instance_id)
        return run if run and run.repeats else None

    for seconds in range(1, 6):  # on a busy machine the event may come in a turn of its own
        instance_id = _paused_with_an_event(rich, seconds)
        with suppress(AssertionError):
            run = eventually(marked, 5 * seconds, f"{instance_id} is marked")
            break
    else:
        pytest.fail("no instance repeats its timer")
    assert (run.status, run.repeats, run.waits_for) == (Status.SUSPENDED, "timer", None)
    assert run.created_at == run.started_at  # though it was PENDING during its slow turn
    history = rich.gateway.history(instance_id)
    pause = next(event for event in history if event.kind == "executionSuspended")
    assert run.suspended_at == pause.timestamp
    longer = eventually(
        lambda: _longer(rich, instance_id, len(history)), 10, "the engine's history grows"
    )
    details = details_of(rich.ledger, run)
    assert details.history
    assert len(details.history) < longer
    rich.gateway.terminate(instance_id)
    assert rich.recorded(instance_id, Status.TERMINATED).suspended_at is None


def _longer(rich: Rich, instance_id: str, than: int) -> int | None:
    length = len(rich.gateway.history(instance_id))
    return length if length > than else None

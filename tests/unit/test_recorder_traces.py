"""What the recorder writes into a real ledger because of hints."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from operations.errors import DaprRefused
from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.model import Status
from operations.recorder.discovery import FinishedRuns
from operations.recorder.limits import RecorderLimits
from operations.recorder.recorder import FollowedApplication, Recorder
from operations.recorder.schedule import Schedule
from operations.recorder.traces.hints import HintHandler, HintQueue
from operations.recorder.traces.parser import Hint, hints_in
from operations.snapshots import read_snapshot
from tests.unit.engine import finish_instance, put_running, update_instance
from tests.unit.fakes import FakeGateway
from tests.unit.recorders import EAGER
from tests.unit.snapshots import ID, at, statuses, summary
from tests.unit.zipkin import attempt_span, body, end_span, start_span, starting_at
from tests.waiting import eventually

REFUSAL = "Dapr cannot list its instances while one has the id 'a||b'"


@pytest.fixture
def application(gateway: FakeGateway) -> FollowedApplication:
    """Return an application whose runs are read only because of hints, actions or the list."""
    limits = replace(
        EAGER, active_interval=1000, traced_interval=1000, quiet_interval=1000, outage_grace=0
    )
    return FollowedApplication(gateway, limits)


@pytest.fixture
def hints(application: FollowedApplication) -> HintQueue:
    """Return the queue between the endpoint and the recorder."""
    return application.queue


@pytest.fixture
def recorder(application: FollowedApplication, ledger: Ledger) -> Iterator[Recorder]:
    """Return a recorder of the application."""
    with closing(Recorder(application, ledger)) as recorder:
        yield recorder


@pytest.fixture
def refused_list(gateway: FakeGateway) -> None:
    """Make the engine refuse the list."""
    gateway.errors["ids"] = [DaprRefused(REFUSAL)] * 1000


Until = Callable[[Callable[[], object], str], None]


@pytest.fixture
def until(recorder: Recorder) -> Until:
    """Return a function that runs cycles of the recorder until a condition is true."""

    def until(condition: Callable[[], object], what: str) -> None:
        def check_after_turn() -> object:
            recorder.cycle()
            return condition()

        eventually(check_after_turn, 30, what)

    return until


def charge(gateway: FakeGateway, start: float, end: float) -> None:
    """Add an activity that was scheduled by event 1 and has ended."""
    gateway.events[ID] = (
        *gateway.events[ID],
        HistoryEvent(1, at(start), "taskScheduled", name="charge"),
        HistoryEvent(-1, at(end), "taskCompleted", answers=1),
    )
    update_instance(gateway)


def post(hints: HintQueue, *trace_spans: object) -> None:
    """Queue the hints in trace spans."""
    hints.offer(hints_in(body(*trace_spans)))


def start_times(ledger: Ledger, generation: int | None = None) -> list[object]:
    """Return the start times of the order's attempts, in its last generation or in another."""
    return [span.started_at for span in ledger.runs.attempts(summary(ledger).run_id, generation)]


def test_a_hint_triggers_a_read_at_once(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """The interval of the run does not matter."""
    put_running(gateway)
    until(lambda: statuses(ledger) == [Status.RUNNING], "it runs")
    finish_instance(gateway)
    post(hints, end_span())
    until(lambda: statuses(ledger) == [Status.COMPLETED], "it has ended")


def handler(queue: HintQueue, **limits: float) -> tuple[HintHandler, Schedule]:
    """Return a handler of hints, and the schedule of the runs that it wakes."""
    all_limits = RecorderLimits(**limits)  # type: ignore[arg-type]
    schedule = Schedule(all_limits)
    return HintHandler(queue, schedule, FinishedRuns(all_limits), all_limits), schedule


def test_hints_are_gathered_while_readers_are_busy(hints: HintQueue) -> None:
    """Few hints, or quick reads, trigger reads at once; the hint of an end waits shorter."""
    hint_handler, schedule = handler(hints)
    hint_handler.measure(100, hint_handler._rated_at + 1)
    now = time.monotonic()
    hint_handler.handle(0.001)
    assert hint_handler.read_by(now) == now
    hint_handler.handle(1)
    assert hint_handler.read_by(now) == now + RecorderLimits().longest_hint_delay
    assert hint_handler.read_by(now, is_end=True) == now + RecorderLimits().longest_end_delay
    hint_handler.measure(0, hint_handler._rated_at + 9)
    hint_handler.handle(1)
    assert schedule.delay == 0


@pytest.mark.usefixtures("refused_list")
def test_a_hint_finds_a_start_without_the_list(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """The engine may refuse the list."""
    put_running(gateway)
    post(hints, start_span())
    until(lambda: statuses(ledger) == [Status.RUNNING], "it runs")


@pytest.mark.usefixtures("refused_list")
def test_a_forged_hint_creates_no_row(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """It costs one read."""
    post(hints, start_span("forged"), attempt_span(1, at(1), at(1), "forged"), end_span("forged"))
    until(lambda: gateway.calls["state"] and gateway.calls["ids"] > 5, "it was read")
    assert gateway.calls["state"] == 1
    assert ledger.runs.latest("forged") is None
    assert ledger.heartbeat().revision == 0


def test_reads_of_unfollowed_ids_are_limited(hints: HintQueue) -> None:
    """The number of forged ids does not matter; a moment later more reads are allowed."""
    hint_handler, schedule = handler(hints)
    now = hint_handler._credited_at
    assert sum(hint_handler.admits_unfollowed(now) for _ in range(5000)) == 100
    assert sum(hint_handler.admits_unfollowed(now + 0.5) for _ in range(5000)) == 50
    assert sum(hint_handler.admits_unfollowed(now + 9) for _ in range(5000)) == 100
    assert len(schedule) == 0


def test_forged_ids_above_the_limit_are_not_followed(hints: HintQueue) -> None:
    """The recorder does not remember them."""
    hint_handler, schedule = handler(hints, unfollowed_reads=3)
    hints.offer([Hint(f"forged_{number}") for number in range(500)])
    hint_handler.handle(0)
    assert len(schedule) == 3


@pytest.mark.parametrize(
    "later",
    [
        starting_at(start_span(), at(60)),
        starting_at(end_span(), at(60)),
        attempt_span(1, at(60.5), at(61)),
    ],
)
def test_only_a_later_hint_wakes_a_finished_run(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until, later: dict[str, Any]
) -> None:
    """A hint from before the end is late; a hint after the end is of another run."""
    put_running(gateway)
    finish_instance(gateway)
    until(lambda: statuses(ledger) == [Status.COMPLETED], "it has ended")
    reads, listed = gateway.calls["state"], gateway.calls["ids"]
    post(
        hints,
        starting_at(start_span(), at(0)),
        starting_at(end_span(), at(0)),
        attempt_span(1, at(0.5), at(4)),
    )
    until(lambda: gateway.calls["ids"] > listed + 3, "cycles")
    assert gateway.calls["state"] == reads
    put_running(gateway, execution="e2", since=60)
    post(hints, later)
    until(lambda: statuses(ledger) == [Status.RUNNING, Status.COMPLETED], "its next run")


def test_a_start_time_that_arrives_with_the_end_is_written_with_it(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """The ledger changes once; most start times arrive in this way."""
    put_running(gateway)
    until(lambda: statuses(ledger) == [Status.RUNNING], "it runs")
    charge(gateway, 1, 4)
    revision = ledger.heartbeat().revision
    post(hints, attempt_span(1, at(2), at(4)))
    until(lambda: start_times(ledger) == [at(2)], "the start time")
    assert ledger.heartbeat().revision == revision + 1


def test_a_start_time_that_arrives_after_its_attempt_is_added(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """The run may be archived already; the same trace span again changes nothing."""
    put_running(gateway)
    charge(gateway, 1, 4)
    finish_instance(gateway)
    until(lambda: statuses(ledger) == [Status.COMPLETED], "it has ended")
    assert start_times(ledger) == [None]
    reads = gateway.calls["state"]
    post(hints, attempt_span(1, at(2), at(4)))
    until(lambda: start_times(ledger) == [at(2)], "the start time")
    revision, listed = ledger.heartbeat().revision, gateway.calls["ids"]
    post(hints, attempt_span(1, at(2), at(4)), attempt_span(1, at(0.5), at(4)))
    until(lambda: gateway.calls["ids"] > listed + 3, "cycles")
    assert (start_times(ledger), ledger.heartbeat().revision) == ([at(2)], revision)
    assert gateway.calls["state"] == reads


def test_a_start_time_that_arrives_before_its_attempt_is_kept(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """A paused instance processes its results later; a forged start time never counts."""
    put_running(gateway)
    until(lambda: statuses(ledger) == [Status.RUNNING], "it runs")
    post(
        hints,
        attempt_span(1, at(2), at(4)),
        attempt_span(1, at(50), at(51)),
        attempt_span(7, at(2), at(4)),
    )
    listed = gateway.calls["ids"]
    until(lambda: gateway.calls["ids"] > listed + 3, "cycles")
    assert start_times(ledger) == []
    charge(gateway, 1, 4)
    finish_instance(gateway)
    post(hints, end_span())
    until(lambda: statuses(ledger) == [Status.COMPLETED], "it has ended")
    assert start_times(ledger) == [at(2)]


def test_a_start_time_of_an_earlier_generation_is_added(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """The instance may still run, and its history has only the last generation."""
    put_running(gateway)
    charge(gateway, 1, 4)
    until(lambda: start_times(ledger) == [None], "an attempt")
    gateway.events[ID] = (
        HistoryEvent(-1, at(5), "workflowStarted"),
        HistoryEvent(-1, at(5.1), "executionStarted", execution_id="e2"),
    )
    charge(gateway, 6, 7)
    post(hints, start_span())
    until(lambda: summary(ledger).generation == 2, "it continues as new")
    post(hints, attempt_span(1, at(2), at(4)))
    until(lambda: start_times(ledger, generation=1) == [at(2)], "the start time")
    assert start_times(ledger) == [None]
    post(hints, attempt_span(1, at(6.5), at(7)))
    until(lambda: start_times(ledger) == [at(6.5)], "the start time of the last generation")


def test_a_start_time_is_added_to_a_snapshot_of_another_process(
    gateway: FakeGateway, ledger: Ledger, hints: HintQueue, until: Until
) -> None:
    """That process wrote the end with a later time, and without start times."""
    put_running(gateway)
    until(lambda: statuses(ledger) == [Status.RUNNING], "it runs")
    charge(gateway, 1, 4)
    finish_instance(gateway)

    def record_elsewhere() -> None:
        gateway.during.clear()
        snapshot = read_snapshot(gateway, ID)
        assert snapshot
        ledger.runs.ingest([replace(snapshot, read_at=snapshot.read_at + timedelta(minutes=1))])

    gateway.during["history"] = record_elsewhere
    post(hints, attempt_span(1, at(2), at(4)))
    until(
        lambda: statuses(ledger) == [Status.COMPLETED] and start_times(ledger) == [at(2)],
        "the start time is added",
    )


def test_a_refused_list_is_an_outage_with_its_remedy(
    gateway: FakeGateway, ledger: Ledger, until: Until
) -> None:
    """The heartbeat has the outage while the engine refuses the list."""
    gateway.errors["ids"] = [DaprRefused(REFUSAL)] * 20
    until(lambda: ledger.heartbeat().outages, "an outage")
    (outage,) = ledger.heartbeat().outages
    assert (outage.service, outage.reason) == ("listing", REFUSAL)
    until(lambda: not ledger.heartbeat().outages, "it is over")

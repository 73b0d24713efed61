"""Instances whose application repeats an action while they are suspended."""

from dataclasses import replace

import pytest

from dashboard.listing.table_data import header, row
from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.model import Status
from operations.run_view import view
from operations.snapshots import read_snapshot
from operations.timeline import (
    REPETITION_REMEDY,
    Ending,
    SpanKind,
    cause_of_repetition,
    repeated_action,
    timeline_of,
    without_repetitions,
)
from tests.unit.engine import put_running, update_instance
from tests.unit.events import (
    at,
    back_off,
    child,
    completed,
    ended,
    fired,
    resumed,
    scheduled,
    started,
    suspended,
    timer,
    turn,
)
from tests.unit.fakes import FakeGateway
from tests.unit.histories import RECORDED, recorded
from tests.unit.pages import summary as run_summary
from tests.unit.snapshots import ID, details_of, summary

BEGIN = (turn(0), started(0, execution_id="e1"), scheduled(1, 1), turn(2), completed(1, 2))
PAUSED = (*BEGIN, suspended(2), timer(2, 2, 3))
TURNS = 1000


def repeating(turns: int = TURNS, *, of: HistoryEvent | None = None) -> tuple[HistoryEvent, ...]:
    """Return the history of a paused instance that schedules an action again in each turn."""
    first = [of] if of else []
    return (*PAUSED, *first, turn(3), fired(2, 3), *(turn(4), of or timer(2, 4, 3)) * turns)


def put_repeating(gateway: FakeGateway) -> None:
    """Put a suspended instance that repeats its timer."""
    put_running(gateway)
    update_instance(gateway, status=Status.SUSPENDED)
    gateway.events[ID] = repeating()


@pytest.mark.parametrize(
    ("event", "action"),
    [
        (timer(2, 4, 3), "timer"),
        (timer(2, 4, 3, "cooling"), "timer cooling"),
        (back_off(5, 4, 3, "call"), "timer"),
        (scheduled(5, 4), "activity charge"),
        (child(5, 4, "c"), "child pay"),
    ],
)
def test_a_repeated_action_is_named(event: HistoryEvent, action: str) -> None:
    """The same action was scheduled twice while the instance was suspended."""
    assert repeated_action(repeating(1, of=event)) == action


@pytest.mark.parametrize(
    "history",
    [
        PAUSED,
        (*PAUSED, resumed(4), timer(2, 5, 6)),
        (*PAUSED, turn(3), fired(2, 3), turn(4), timer(3, 4, 5)),
        (*BEGIN, timer(2, 2, 3), timer(2, 2, 3)),
    ],
)
def test_an_action_that_is_scheduled_once_is_not_repeated(history: tuple[HistoryEvent]) -> None:
    """Neither is one that is scheduled again after the resume, or without a pause."""
    assert repeated_action(history) is None
    assert without_repetitions(history) == history


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_instances_repeat_nothing(name: str) -> None:
    """No instance of the real engine that had no fault is marked."""
    assert timeline_of(recorded(name)).repeats is None


def test_a_history_is_bounded() -> None:
    """The first repetition shows the fault; what came in between stays."""
    results = (turn(5), completed(9, 5))
    bounded = without_repetitions((*repeating(), *results, *(turn(6), timer(2, 6, 3)) * TURNS))
    assert bounded == (*PAUSED, turn(3), fired(2, 3), turn(4), timer(2, 4, 3), *results, turn(6))


def test_a_repeated_action_is_one_span() -> None:
    """The timeline has the timer once, and the pause."""
    timeline = timeline_of(repeating())
    assert [(span.kind, span.ending) for span in timeline.spans] == [
        (SpanKind.ACTIVITY, Ending.COMPLETED),
        (SpanKind.SUSPENSION, Ending.OPEN),
        (SpanKind.TIMER, Ending.COMPLETED),
    ]
    assert (timeline.suspended_at, timeline.repeats) == (at(2), "timer")


def test_the_mark_outlives_the_end() -> None:
    """It explains why the instance failed after the resume."""
    timeline = timeline_of((*repeating(), resumed(8), ended(9)))
    assert (timeline.suspended_at, timeline.repeats) == (None, "timer")


def test_the_history_is_read_once_while_it_grows(gateway: FakeGateway) -> None:
    """Every turn changes the state; only a change of the status leads to another read."""
    put_repeating(gateway)
    last = read_snapshot(gateway, ID)
    assert last
    assert last.history
    assert len(last.history) < TURNS
    for _ in range(3):
        update_instance(gateway, status=Status.SUSPENDED)
        assert read_snapshot(gateway, ID, last, lambda: at(9)) == replace(last, read_at=at(9))
    assert gateway.calls["history"] == 1
    update_instance(gateway, status=Status.RUNNING)
    read_snapshot(gateway, ID, last)
    assert gateway.calls["history"] == 2


def test_the_page_reads_the_ledger_while_the_history_grows(
    gateway: FakeGateway, ledger: Ledger
) -> None:
    """The page has the mark and the bounded history; after the resume it reads the engine."""
    put_repeating(gateway)
    snapshot = read_snapshot(gateway, ID)
    assert snapshot
    ledger.runs.ingest([snapshot])
    shown = view(gateway, ledger, ID, dapr_unavailable=False)
    assert (gateway.calls["state"], gateway.calls["history"]) == (2, 1)
    assert (shown.details.history, shown.timeline.repeats) == (snapshot.history, "timer")
    assert shown.summary.repeats == "timer"
    update_instance(gateway, status=Status.RUNNING)
    gateway.events[ID] = (*gateway.events[ID], resumed(8))
    assert view(gateway, ledger, ID, dapr_unavailable=False).summary.suspended_at is None
    assert (gateway.calls["state"], gateway.calls["history"]) == (3, 2)


def test_the_answers_of_a_repeated_activity_are_left_out_too() -> None:
    """An activity that is scheduled again is carried out again."""
    again = turn(3), scheduled(2, 3), completed(2, 3)
    history = (*BEGIN, suspended(2), *again * TURNS)
    assert without_repetitions(history) == (*BEGIN, suspended(2), *again, *again, turn(3))
    assert repeated_action(history) == "activity charge"


def test_the_end_is_added_to_the_bounded_history(gateway: FakeGateway, ledger: Ledger) -> None:
    """The archive has no repetition either: it would freeze the page of the finished run."""
    put_repeating(gateway)
    snapshot = read_snapshot(gateway, ID)
    assert snapshot
    ledger.runs.ingest([snapshot])
    update_instance(gateway, status=Status.TERMINATED)
    gateway.events[ID] = (*gateway.events[ID], ended(9))
    final = read_snapshot(gateway, ID)
    assert final
    ledger.runs.ingest([final])
    run = summary(ledger)
    details = details_of(ledger, run)
    assert details.history == (*(snapshot.history or ()), ended(9))
    assert (run.suspended_at, run.repeats, run.waits_for) == (None, "timer", None)


@pytest.mark.parametrize("make", [row, header])
def test_pages_name_cause_and_remedy(make: object) -> None:
    """The remedy is for an instance that is still suspended."""
    run = run_summary(status=Status.SUSPENDED, suspended_at=at(2), repeats="timer")
    texts = [
        (row(each) if make is row else header(each, None))["fault"]
        for each in (run, replace(run, status=Status.FAILED))
    ]
    assert texts == [
        f"{cause_of_repetition('timer')} {REPETITION_REMEDY}",
        cause_of_repetition("timer"),
    ]

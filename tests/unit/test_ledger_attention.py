"""Runs that need a person, and unfinished runs."""

from datetime import timedelta
from typing import Any

import pytest

from operations.ledger import Ledger
from operations.ledger.search.attention import AttentionCount, UnfinishedRuns
from operations.ledger.search.filters import Matches
from operations.ledger.tables import runs
from operations.model import Status
from operations.records import Attention, Filter, Snapshot
from operations.timeline import SpanKind, Waiting
from tests.unit.plans import plans
from tests.unit.queries import ids
from tests.unit.snapshots import at, pending, snapshot, state_only

pytestmark = pytest.mark.both_databases


def running(
    name: str, now: float, kind: SpanKind, since: float, until: float | None = None
) -> Snapshot:
    """Return a running instance; it waits since and until so many seconds from now."""
    due = None if until is None else at(now + until)
    waiting = Waiting(name, due, kind, at(now + since))
    return snapshot(instance_id=name, execution=name, created=now - 7000, read=now, waiting=waiting)


def test_runs_need_a_person_for_four_reasons(ledger: Ledger, now: float) -> None:
    """Each has the number of its runs, and since when the first of them needs a person."""
    activity, event = SpanKind.ACTIVITY, SpanKind.WAIT
    ledger.runs.ingest(
        [
            running("late timer", now, SpanKind.TIMER, -900, until=-90),
            running("late retry", now, SpanKind.BACKOFF, -900, until=-80),
            running("timer", now, SpanKind.TIMER, -900, until=-30),
            running("slow", now, activity, -700),
            running("slower", now, activity, -800),
            running("fresh", now, activity, -500),
            running("child", now, SpanKind.CHILD, -5000),
            running("approval", now, event, -100),
            snapshot(Status.STALLED, instance_id="stalled", execution="s", created=now, read=now),
            snapshot(Status.SUSPENDED, instance_id="paused", execution="p", created=now - 9000),
            pending(instance_id="never started", read=now - 3600),
            pending(instance_id="starts soon", read=now),
        ]
    )
    assert ledger.search.attention() == (
        AttentionCount(Attention.OVERDUE, 3, at(now - 3600)),
        AttentionCount(Attention.STUCK, 2, at(now - 800)),
        AttentionCount(Attention.EVENT, 1, at(now - 100)),
        AttentionCount(Attention.STALLED, 1, at(now)),
    )
    found = {
        attention: set(ids(ledger.search.page(Filter(attention=attention), limit=9)))
        for attention in Attention
    }
    assert found == {
        Attention.OVERDUE: {"late timer", "late retry", "never started"},
        Attention.STUCK: {"slow", "slower"},
        Attention.EVENT: {"approval"},
        Attention.STALLED: {"stalled"},
    }
    counts = ledger.search.counts(Filter(attention=Attention.OVERDUE))
    assert (counts[Status.RUNNING].number, counts[Status.PENDING].number) == (2, 1)


def test_a_scheduled_start_is_overdue_after_its_time(ledger: Ledger, now: float) -> None:
    """Not an hour after its creation."""
    for name, due in (("tomorrow", now + 9999), ("then", now - 120)):
        created = now - 9000
        timeline = {"scheduled_for": at(due)}
        ledger.runs.ingest([pending(instance_id=name, read=created, **timeline)])
    assert ids(ledger.search.page(Filter(attention=Attention.OVERDUE), limit=9)) == ["then"]


def test_nothing_needs_a_person(ledger: Ledger) -> None:
    """After the end of a run nothing is left of its wait."""
    ledger.runs.ingest([snapshot(waiting=Waiting("event a", None, SpanKind.WAIT, at(0)))])
    assert [each.attention for each in ledger.search.attention()] == [Attention.EVENT]
    ledger.runs.ingest([snapshot(Status.COMPLETED, read=9)])
    assert ledger.search.attention() == ()


def test_unfinished_runs_are_counted_by_workflow(ledger: Ledger) -> None:
    """With the creation of the oldest of them."""
    for number, status in enumerate(Status):
        values: dict[str, Any] = {
            "instance_id": f"i{number}",
            "execution": f"e{number}",
            "read": 100,
        }
        ledger.runs.ingest([snapshot(status, created=number, workflow="order", **values)])
    ledger.runs.ingest([snapshot(instance_id="r", execution="r", created=5, workflow="refund")])
    assert ledger.search.unfinished() == (
        UnfinishedRuns("order", 4, at(0)),
        UnfinishedRuns("refund", 1, at(5)),
    )


@pytest.mark.sqlite_alone
def test_only_runs_that_wait_are_read(ledger: Ledger) -> None:
    """From an index that has no other runs."""
    steps = plans(ledger, lambda ledger: ledger.search.attention())
    assert steps
    assert all(step.startswith("SEARCH runs USING") for step in steps)
    assert sum("COVERING INDEX runs_waiting (status=?" in step for step in steps) == 3


def test_the_start_of_a_wait_is_recorded(ledger: Ledger) -> None:
    """And kept while a snapshot has no history."""
    since = at(3)
    ledger.runs.ingest([snapshot(waiting=Waiting("event a", at(9), SpanKind.WAIT, since))])
    run = ledger.runs.latest("order_A")
    assert run
    assert (run.waits_kind, run.waits_since) == (SpanKind.WAIT, since)
    ledger.runs.ingest([state_only(Status.RUNNING, read=5)])
    run = ledger.runs.latest("order_A")
    assert run
    assert (run.waits_kind, run.waits_since) == (SpanKind.WAIT, since)
    assert since + timedelta(seconds=6) == run.waits_until


def test_a_stalled_run_without_an_update(ledger: Ledger, now: float) -> None:
    """It counts since its creation."""
    stalled = snapshot(Status.STALLED, created=now, read=now, last_updated_at=None)
    ledger.runs.ingest([stalled])
    assert ledger.search.attention() == (AttentionCount(Attention.STALLED, 1, at(now)),)


@pytest.mark.sqlite_alone
def test_a_status_that_needs_nobody_is_not_searched() -> None:
    """A million completed runs cost nothing."""
    matches = Matches(Filter(attention=Attention.OVERDUE), "sqlite")
    completed, running = (
        str(matches.of_status(status, runs.c.run_id))
        for status in (Status.COMPLETED, Status.RUNNING)
    )
    assert completed.endswith("AND false")
    assert "waits_until" in running


@pytest.mark.sqlite_alone
def test_unfinished_runs_are_counted_in_indexes(ledger: Ledger) -> None:
    """No row of a run is read."""
    runs_of = [
        snapshot(instance_id=f"i{n}", execution=f"e{n}", created=n, workflow=f"w{n % 3}")
        for n in range(100)
    ]
    ledger.runs.ingest(runs_of)
    for _ in range(2):
        steps = [
            step for step in plans(ledger, lambda each: each.search.unfinished()) if "runs" in step
        ]
        assert len(steps) == 8
        assert all("COVERING INDEX" in step for step in steps), steps
        ledger.analyze()

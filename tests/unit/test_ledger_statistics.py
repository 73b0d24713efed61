"""What the ledger tells of many lives and attempts."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from operations.errors import InvalidInput
from operations.history import HistoryEvent
from operations.ledger import Ledger, StatisticsLimits
from operations.ledger.statistics.results import (
    ActivityStatistics,
    DurationDistribution,
    FailureGroup,
    MinuteThroughput,
    WorkflowStatistics,
)
from operations.model import Failure, Status
from operations.records import ALL_TIME, Filter, Period, Sort
from operations.timeline import Ending, Span
from tests.unit.plans import plans
from tests.unit.questions import ids
from tests.unit.snapshots import activity, at, done, glance, snapshot, summary

pytestmark = pytest.mark.both_databases

LIMITS = StatisticsLimits(seconds=60, reading_seconds=60)
HOUR = Period(at(0), at(3600))
FAULT = Failure("ValueError", "No 7")


def ended(
    ledger: Ledger, number: int, took: float, status: Status = Status.COMPLETED, **told: Any
) -> None:
    """Record a life that took so many seconds since noon."""
    ledger.runs.ingest(
        [snapshot(status, instance_id=f"i{number}", seen=took, execution=f"e{number}", **told)]
    )


def ran(ledger: Ledger, *spans: Span, instance_id: str = "order_A") -> None:
    """Record a life with these attempts."""
    ledger.runs.ingest([snapshot(instance_id=instance_id, seen=3600, spans=spans)])


def test_an_empty_ledger_has_nothing_to_tell(ledger: Ledger) -> None:
    """Whatever is asked, for whichever time."""
    for within in (HOUR, ALL_TIME):
        told = ledger.statistics
        assert told.workflows(within).of == ()
        assert told.activities(within).of == ()
        assert told.failures(within).of == ()


def test_workflows_have_their_count_failures_and_durations(ledger: Ledger) -> None:
    """Percentiles are those of the lives that were not terminated, in seconds."""
    for number in range(1, 101):
        ended(ledger, number, number)
    ended(ledger, 101, 500, Status.FAILED, failure=FAULT)
    ended(ledger, 102, 900, Status.TERMINATED)
    ended(ledger, 103, 2, workflow="refund")
    orders, refunds = ledger.statistics.workflows(HOUR).of
    spread = DurationDistribution(count=101, median=51.0, p95=96.0, p99=100.0, longest=500.0)
    assert orders == WorkflowStatistics("order_workflow", 102, 1, spread, unknown=101)
    assert orders.failure_share == 1 / 102
    assert refunds == WorkflowStatistics(
        "refund", 1, 0, DurationDistribution(1, 2.0, 2.0, 2.0, 2.0), unknown=1
    )


def test_an_end_without_a_history_counts(ledger: Ledger) -> None:
    """It was when the instance last changed, until its history tells it better."""
    ledger.runs.ingest([snapshot(), glance(Status.FAILED, seen=9)])
    assert summary(ledger).ended_at == at(9)
    assert [(told.count, told.failures) for told in ledger.statistics.workflows(HOUR).of] == [
        (1, 1)
    ]
    assert ledger.statistics.throughput(Period(at(0), at(60)))[0].failed == 1
    assert [told.count for told in ledger.statistics.failures(HOUR).of] == [1]
    ledger.runs.ingest([snapshot(instance_id="open"), done(instance_id="b", seen=8)])
    by_end = ledger.search.page(Filter(), limit=9, sort=Sort.ENDED)
    assert ids(by_end) == ["order_A", "b", "open"]
    ledger.runs.ingest([done(ended_at=at(7), seen=10)])
    ledger.runs.ingest([glance(Status.COMPLETED, seen=11)])
    assert summary(ledger).ended_at == at(7)


def test_queue_and_run_of_a_life_are_told_apart(ledger: Ledger) -> None:
    """Where its first turn is known: it is not for one whose beginning nobody saw."""
    ended(ledger, 1, 10, first_turn_at=at(1))
    ended(ledger, 2, 20, first_turn_at=at(4))
    ended(ledger, 3, 30)
    ended(
        ledger, 4, 40, first_turn_at=at(-1)
    )  # a later generation's, of which the first was not seen
    ended(ledger, 5, 50, Status.TERMINATED, first_turn_at=at(9))
    (found,) = ledger.statistics.workflows(HOUR).of
    assert found == WorkflowStatistics(
        workflow="order_workflow",
        count=5,
        failures=0,
        took=DurationDistribution(4, 20.0, 40.0, 40.0, 40.0),
        unknown=2,
        queue_time=DurationDistribution(2, 1.0, 4.0, 4.0, 4.0),
        execution_time=DurationDistribution(2, 9.0, 16.0, 16.0, 16.0),
    )


def test_one_that_was_to_start_later_has_waited_since_then(ledger: Ledger) -> None:
    """It was created long before."""
    ended(ledger, 1, 90, started_at=at(63), first_turn_at=at(63), scheduled_for=at(60))
    (found,) = ledger.statistics.workflows(HOUR).of
    assert (found.queue_time, found.execution_time) == (
        DurationDistribution(1, 3, 3, 3, 3),
        DurationDistribution(1, 27, 27, 27, 27),
    )


def test_the_first_turn_that_was_ever_seen_counts(ledger: Ledger) -> None:
    """A workflow that continues as new has others."""
    first = snapshot(execution="e1", first_turn_at=at(1))
    ledger.runs.ingest([first])
    history = (HistoryEvent(-1, at(5), "workflowStarted"),)
    last = snapshot(Status.COMPLETED, execution="e2", seen=9, first_turn_at=at(6), history=history)
    ledger.runs.ingest([last])
    (found,) = ledger.statistics.workflows(HOUR).of
    assert (found.queue_time, found.execution_time) == (
        DurationDistribution(1, 1, 1, 1, 1),
        DurationDistribution(1, 8, 8, 8, 8),
    )


def test_a_period_has_what_ended_in_it(ledger: Ledger) -> None:
    """From its first moment until right before its last, whenever it began."""
    for number in (9, 10, 19, 20):
        ended(ledger, number, number)
    ran(ledger, *(activity(n, 0, n) for n in (9, 10, 19, 20)))
    within = Period(at(10), at(20))
    (orders,) = ledger.statistics.workflows(within).of
    (charges,) = ledger.statistics.activities(within).of
    assert (orders.count, charges.count) == (2, 2)


def test_what_runs_is_not_counted(ledger: Ledger) -> None:
    """Neither a life nor an attempt that has not ended, nor one that was cut off."""
    ran(ledger, activity(1, 0), activity(2, 0, 5, ending=Ending.CUT_OFF))
    assert ledger.statistics.workflows(HOUR).of == ()
    assert ledger.statistics.activities(HOUR).of == ()


def test_queue_and_run_of_an_attempt_are_told_apart(ledger: Ledger) -> None:
    """Where its begin is known; the others count as unknown, and for both together."""
    fault = {"ending": Ending.FAILED, "failure": FAULT}
    ran(
        ledger,
        activity(1, 0, 10, started_at=at(1)),
        activity(2, 0, 20, started_at=at(4), **fault),
        activity(3, 0, 30),
    )
    (found,) = ledger.statistics.activities(HOUR).of
    assert found == ActivityStatistics(
        activity="charge",
        count=3,
        failures=1,
        unknown=1,
        queue_time=DurationDistribution(2, 1.0, 4.0, 4.0, 4.0),
        execution_time=DurationDistribution(2, 9.0, 16.0, 16.0, 16.0),
        took=DurationDistribution(3, 20.0, 30.0, 30.0, 30.0),
    )
    assert found.failure_share == 1 / 3


@pytest.mark.parametrize(("began", "queue"), [(-3, 0.0), (12, 10.0)])
def test_a_begin_outside_the_attempt_is_moved_into_it(
    ledger: Ledger, began: float, queue: float
) -> None:
    """Another machine's clock told it."""
    ran(ledger, activity(1, 0, 10, started_at=at(began)))
    (found,) = ledger.statistics.activities(HOUR).of
    assert found.queue_time
    assert found.execution_time
    assert (found.queue_time.longest, found.execution_time.longest) == (queue, 10 - queue)


def test_what_a_rerun_took_over_is_not_counted_again(ledger: Ledger) -> None:
    """It has no time of its own, and failed elsewhere."""
    ran(ledger, activity(1, 5, 5, ending=Ending.FAILED, failure=FAULT), activity(2, 5, 6))
    (found,) = ledger.statistics.activities(HOUR).of
    assert (found.count, found.failures) == (1, 0)
    assert ledger.statistics.failures(HOUR).of == ()


def test_of_more_than_can_be_read_the_latest_are(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is told says since when."""
    monkeypatch.setattr(ledger.statistics, "_limits", replace(LIMITS, durations=3))
    for number in range(1, 6):
        ended(ledger, number, number)
    ran(ledger, *(activity(n, 0, n) for n in range(1, 6)))
    for told in (ledger.statistics.workflows(HOUR), ledger.statistics.activities(HOUR)):
        assert told.of[0].count == 3
        assert told.within == Period(at(2), HOUR.until)
    assert ledger.statistics.workflows(Period(at(3), at(9))).within.since == at(3)


def test_each_minute_is_told(ledger: Ledger) -> None:
    """Those in which nothing happened as well, and nothing outside the period."""
    ledger.runs.ingest(
        [
            snapshot(Status.COMPLETED, instance_id="a", created=-1, seen=61),
            snapshot(Status.FAILED, instance_id="b", created=0, seen=59.9),
            snapshot(Status.TERMINATED, instance_id="c", created=60, seen=200),
            snapshot(instance_id="d", created=179.999999),
            snapshot(instance_id="e", created=180),
        ]
    )
    assert ledger.statistics.throughput(Period(at(0), at(180))) == (
        MinuteThroughput(at(0), started=1, completed=0, failed=1),
        MinuteThroughput(at(60), started=1, completed=1, failed=0),
        MinuteThroughput(at(120), started=1, completed=0, failed=0),
    )


def test_a_period_may_begin_within_a_minute(ledger: Ledger) -> None:
    """Then the first minute has what is left of it, and so has the last."""
    for number in (10, 40, 70, 100):
        ended(ledger, number, 5, created=number)
    told = ledger.statistics.throughput(Period(at(30), at(90)))
    assert [(each.at, each.started) for each in told] == [(at(0), 1), (at(60), 1)]


def test_a_long_period_has_too_many_minutes(ledger: Ledger) -> None:
    """What is longer than a week is refused, with what was found."""
    within = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, 0, 1, tzinfo=UTC))
    with pytest.raises(InvalidInput, match="period: found '7 days, 0:01:00', expected"):
        ledger.statistics.throughput(within)


def fails(ledger: Ledger, number: int, message: str, **told: Any) -> None:
    """Record a life that failed with its one attempt, which failed a second before."""
    failure = Failure("ValueError", message)
    attempt = activity(1, 0, number - 1, ending=Ending.FAILED, failure=failure)
    whole = Failure("TaskFailedError", f"i{number}: Activity task #1 failed: {message}")
    ended(ledger, number, number, Status.FAILED, failure=whole, spans=(attempt,), **told)


def test_failures_that_are_alike_are_one_group(ledger: Ledger) -> None:
    """Of the activity and of the workflow; with when, how often, and the last one."""
    for number in (10, 20, 30):
        fails(ledger, number, f"No {number}")
    assert ledger.statistics.failures(HOUR).of == (
        FailureGroup(
            name="order_workflow",
            is_activity=False,
            error_type="TaskFailedError",
            message="…: Activity task #… failed: No …",
            count=3,
            first=at(10),
            last=at(30),
            example="i30",
            run_id=summary(ledger, "i30").run_id,
        ),
        FailureGroup(
            name="charge",
            is_activity=True,
            error_type="ValueError",
            message="No …",
            count=3,
            first=at(9),
            last=at(29),
            example="i30",
            run_id=summary(ledger, "i30").run_id,
        ),
    )


def test_the_most_frequent_failure_comes_first(ledger: Ledger) -> None:
    """However late another one was."""
    for number in (10, 20):
        fails(ledger, number, "often")
    fails(ledger, 30, "once")
    told = ledger.statistics.failures(HOUR).of
    assert [(each.message, each.count) for each in told if each.is_activity] == [
        ("often", 2),
        ("once", 1),
    ]


def test_a_failure_without_a_reason_is_one(ledger: Ledger) -> None:
    """Nobody told its type."""
    ended(ledger, 5, 5, Status.FAILED)
    (group,) = ledger.statistics.failures(HOUR).of
    assert (group.error_type, group.message, group.count) == ("", "", 1)


def test_of_very_many_failures_the_latest_are_grouped(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is told says since when."""
    monkeypatch.setattr(ledger.statistics, "_limits", replace(LIMITS, failures=2))
    for number in (10, 20, 30):
        fails(ledger, number, "often")
    told = ledger.statistics.failures(HOUR)
    assert told.within.since == at(20)
    assert [each.count for each in told.of] == [2, 1]


def test_what_there_is_no_time_for_is_left_out(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is asked, the latest ends have to do, and what is told says since when."""
    monkeypatch.setattr(ledger.statistics, "_limits", replace(LIMITS, reading_seconds=0))
    monkeypatch.setattr("operations.ledger.statistics.latest_rows._AT_ONCE", 3)
    for number in (10, 20, 30, 40):
        fails(ledger, number, "often")
    told = ledger.statistics
    assert told.failures(HOUR).within == Period(at(30), HOUR.until)
    assert sum(each.count for each in told.failures(HOUR).of) == 3
    assert told.workflows(HOUR).within == Period(at(20), HOUR.until)
    assert told.activities(HOUR).within == Period(at(19), HOUR.until)


ASKED = [
    (lambda ledger: ledger.statistics.workflows(HOUR), "COVERING INDEX runs_durations"),
    (lambda ledger: ledger.statistics.throughput(HOUR), "COVERING INDEX runs_"),
    (lambda ledger: ledger.statistics.failures(HOUR), "INDEX runs_durations"),
]


@pytest.mark.sqlite_alone
@pytest.mark.parametrize(("ask", "index"), ASKED, ids=["workflows", "throughput", "failures"])
def test_an_index_leads_to_what_ended(ledger: Ledger, ask: Any, index: str) -> None:
    """Nothing but what is in the period is read, and nothing of it is sorted."""
    found = [step for step in plans(ledger, ask) if " runs " in step]
    assert found
    assert all(index in step and step.startswith("SEARCH") for step in found), found


@pytest.mark.sqlite_alone
def test_an_index_holds_all_that_is_asked_of_attempts(ledger: Ledger) -> None:
    """Durations are read from it alone, and failures are few."""
    (durations,) = plans(ledger, lambda ledger: ledger.statistics.activities(HOUR), "attempts")
    assert durations.startswith("SEARCH attempts USING COVERING INDEX attempts_ended (ended_at>?")
    failed, _ = plans(ledger, lambda ledger: ledger.statistics.failures(HOUR), "attempts")
    assert failed.startswith("SEARCH attempts USING INDEX attempts_failed (ended_at>?")

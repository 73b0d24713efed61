"""Statistics of runs and attempts."""

from datetime import UTC, datetime
from typing import Any

import pytest

from operations.errors import InvalidInput
from operations.history import HistoryEvent
from operations.ledger import Ledger, LedgerLimits, StatisticsLimits
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
from tests.unit.queries import ids
from tests.unit.snapshots import activity, at, done, snapshot, state_only, summary

pytestmark = pytest.mark.both_databases

HOUR = Period(at(0), at(3600))
FAULT = Failure("ValueError", "No 7")


def limited(limits: StatisticsLimits) -> pytest.MarkDecorator:
    """Return the mark of a test whose ledger has these limits."""
    return pytest.mark.parametrize("ledger_limits", [LedgerLimits(statistics=limits)])


def ended(
    ledger: Ledger, number: int, seconds: float, status: Status = Status.COMPLETED, **values: Any
) -> None:
    """Record a finished run that took so many seconds from noon."""
    ledger.runs.ingest(
        [snapshot(status, instance_id=f"i{number}", read=seconds, execution=f"e{number}", **values)]
    )


def record_attempts(ledger: Ledger, *spans: Span, instance_id: str = "order_A") -> None:
    """Record a running instance with these attempts."""
    ledger.runs.ingest([snapshot(instance_id=instance_id, read=3600, spans=spans)])


def test_an_empty_ledger_has_no_statistics(ledger: Ledger) -> None:
    """For any period."""
    for within in (HOUR, ALL_TIME):
        assert ledger.statistics.workflows(within).of == ()
        assert ledger.statistics.activities(within).of == ()
        assert ledger.statistics.failures(within).of == ()


def test_workflows_have_their_count_failures_and_durations(ledger: Ledger) -> None:
    """Durations are in seconds; terminated runs have none."""
    for number in range(1, 101):
        ended(ledger, number, number)
    ended(ledger, 101, 500, Status.FAILED, failure=FAULT)
    ended(ledger, 102, 900, Status.TERMINATED)
    ended(ledger, 103, 2, workflow="refund")
    orders, refunds = ledger.statistics.workflows(HOUR).of
    duration = DurationDistribution(count=101, p50=51.0, p95=96.0, p99=100.0, longest=500.0)
    assert orders == WorkflowStatistics("order_workflow", 102, 1, duration, unknown=101)
    assert orders.failure_share == 1 / 102
    assert refunds == WorkflowStatistics(
        "refund", 1, 0, DurationDistribution(1, 2.0, 2.0, 2.0, 2.0), unknown=1
    )


def test_an_end_without_a_history_counts(ledger: Ledger) -> None:
    """Its time is the last update of the instance, until the history is read."""
    ledger.runs.ingest([snapshot(), state_only(Status.FAILED, read=9)])
    assert summary(ledger).ended_at == at(9)
    (workflow,) = ledger.statistics.workflows(HOUR).of
    assert (workflow.count, workflow.failures) == (1, 1)
    assert ledger.statistics.throughput(Period(at(0), at(60)))[0].failed == 1
    assert [group.count for group in ledger.statistics.failures(HOUR).of] == [1]
    ledger.runs.ingest([snapshot(instance_id="open"), done(instance_id="b", read=8)])
    by_end = ledger.search.page(Filter(), limit=9, sort=Sort.ENDED)
    assert ids(by_end) == ["order_A", "b", "open"]
    ledger.runs.ingest([done(ended_at=at(7), read=10)])
    ledger.runs.ingest([state_only(Status.COMPLETED, read=11)])
    assert summary(ledger).ended_at == at(7)


def test_a_run_has_a_queue_time_and_an_execution_time(ledger: Ledger) -> None:
    """If its first turn is known; other runs count as unknown."""
    ended(ledger, 1, 10, first_turn_at=at(1))
    ended(ledger, 2, 20, first_turn_at=at(4))
    ended(ledger, 3, 30)
    ended(ledger, 4, 40, first_turn_at=at(-1))  # of a later generation; the first was not read
    ended(ledger, 5, 50, Status.TERMINATED, first_turn_at=at(9))
    (found,) = ledger.statistics.workflows(HOUR).of
    assert found == WorkflowStatistics(
        workflow="order_workflow",
        count=5,
        failures=0,
        duration=DurationDistribution(4, 20.0, 40.0, 40.0, 40.0),
        unknown=2,
        queue_time=DurationDistribution(2, 1.0, 4.0, 4.0, 4.0),
        execution_time=DurationDistribution(2, 9.0, 16.0, 16.0, 16.0),
    )


def test_the_queue_time_of_a_scheduled_run_counts_from_when_it_is_due(ledger: Ledger) -> None:
    """Not from its creation."""
    ended(ledger, 1, 90, started_at=at(63), first_turn_at=at(63), scheduled_for=at(60))
    (found,) = ledger.statistics.workflows(HOUR).of
    assert (found.queue_time, found.execution_time) == (
        DurationDistribution(1, 3, 3, 3, 3),
        DurationDistribution(1, 27, 27, 27, 27),
    )


def test_the_first_turn_of_all_generations_counts(ledger: Ledger) -> None:
    """Each generation of a workflow that continues as new has a first turn."""
    first = snapshot(execution="e1", first_turn_at=at(1))
    ledger.runs.ingest([first])
    history = (HistoryEvent(-1, at(5), "workflowStarted"),)
    last = snapshot(Status.COMPLETED, execution="e2", read=9, first_turn_at=at(6), history=history)
    ledger.runs.ingest([last])
    (found,) = ledger.statistics.workflows(HOUR).of
    assert (found.queue_time, found.execution_time) == (
        DurationDistribution(1, 1, 1, 1, 1),
        DurationDistribution(1, 8, 8, 8, 8),
    )


def test_a_period_has_the_runs_and_attempts_that_ended_in_it(ledger: Ledger) -> None:
    """It includes its start and excludes its end; the starts of the runs do not matter."""
    for number in (9, 10, 19, 20):
        ended(ledger, number, number)
    record_attempts(ledger, *(activity(n, 0, n) for n in (9, 10, 19, 20)))
    within = Period(at(10), at(20))
    (orders,) = ledger.statistics.workflows(within).of
    (charges,) = ledger.statistics.activities(within).of
    assert (orders.count, charges.count) == (2, 2)


def test_unfinished_runs_and_attempts_do_not_count(ledger: Ledger) -> None:
    """Nor do attempts that were cut off."""
    record_attempts(ledger, activity(1, 0), activity(2, 0, 5, ending=Ending.CUT_OFF))
    assert ledger.statistics.workflows(HOUR).of == ()
    assert ledger.statistics.activities(HOUR).of == ()


def test_an_attempt_has_a_queue_time_and_an_execution_time(ledger: Ledger) -> None:
    """If its start is known; other attempts count as unknown, and in `duration`."""
    fault = {"ending": Ending.FAILED, "failure": FAULT}
    record_attempts(
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
        duration=DurationDistribution(3, 20.0, 30.0, 30.0, 30.0),
    )
    assert found.failure_share == 1 / 3


@pytest.mark.parametrize(("started", "queue"), [(-3, 0.0), (12, 10.0)])
def test_a_start_outside_the_attempt_is_moved_into_it(
    ledger: Ledger, started: float, queue: float
) -> None:
    """The clock of another machine differs."""
    record_attempts(ledger, activity(1, 0, 10, started_at=at(started)))
    (found,) = ledger.statistics.activities(HOUR).of
    assert found.queue_time
    assert found.execution_time
    assert (found.queue_time.longest, found.execution_time.longest) == (queue, 10 - queue)


def test_attempts_that_a_rerun_copied_do_not_count(ledger: Ledger) -> None:
    """They took no time, and failed in another run."""
    record_attempts(
        ledger, activity(1, 5, 5, ending=Ending.FAILED, failure=FAULT), activity(2, 5, 6)
    )
    (found,) = ledger.statistics.activities(HOUR).of
    assert (found.count, found.failures) == (1, 0)
    assert ledger.statistics.failures(HOUR).of == ()


@limited(StatisticsLimits(60, 60, durations=3))
def test_the_latest_rows_are_read_if_there_are_too_many(ledger: Ledger) -> None:
    """The result says from when on."""
    for number in range(1, 6):
        ended(ledger, number, number)
    record_attempts(ledger, *(activity(n, 0, n) for n in range(1, 6)))
    for result in (ledger.statistics.workflows(HOUR), ledger.statistics.activities(HOUR)):
        assert result.of[0].count == 3
        assert result.within == Period(at(2), HOUR.until)
    assert ledger.statistics.workflows(Period(at(3), at(9))).within.since == at(3)


def test_throughput_has_each_minute_of_the_period(ledger: Ledger) -> None:
    """Also minutes without runs; runs outside the period do not count."""
    ledger.runs.ingest(
        [
            snapshot(Status.COMPLETED, instance_id="a", created=-1, read=61),
            snapshot(Status.FAILED, instance_id="b", created=0, read=59.9),
            snapshot(Status.TERMINATED, instance_id="c", created=60, read=200),
            snapshot(instance_id="d", created=179.999999),
            snapshot(instance_id="e", created=180),
        ]
    )
    assert ledger.statistics.throughput(Period(at(0), at(180))) == (
        MinuteThroughput(at(0), created=1, completed=0, failed=1),
        MinuteThroughput(at(60), created=1, completed=1, failed=0),
        MinuteThroughput(at(120), created=1, completed=0, failed=0),
    )


def test_a_period_may_start_within_a_minute(ledger: Ledger) -> None:
    """Then its first and its last minute have only runs in the period."""
    for number in (10, 40, 70, 100):
        ended(ledger, number, 5, created=number)
    minutes = ledger.statistics.throughput(Period(at(30), at(90)))
    assert [(each.at, each.created) for each in minutes] == [(at(0), 1), (at(60), 1)]


def test_a_period_longer_than_a_week_is_refused(ledger: Ledger) -> None:
    """The message has the length that was found."""
    within = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, 0, 1, tzinfo=UTC))
    with pytest.raises(InvalidInput, match="period: found '7 days, 0:01:00', expected"):
        ledger.statistics.throughput(within)


def fails(ledger: Ledger, number: int, message: str, **values: Any) -> None:
    """Record a run that failed a second after its only attempt had failed."""
    failure = Failure("ValueError", message)
    attempt = activity(1, 0, number - 1, ending=Ending.FAILED, failure=failure)
    whole = Failure("TaskFailedError", f"i{number}: Activity task #1 failed: {message}")
    ended(ledger, number, number, Status.FAILED, failure=whole, spans=(attempt,), **values)


def test_failures_that_are_alike_are_one_group(ledger: Ledger) -> None:
    """One group of the activity, and one of the workflow."""
    for number in (10, 20, 30):
        fails(ledger, number, f"No {number}")
    assert ledger.statistics.failures(HOUR).of == (
        FailureGroup(
            name="order_workflow",
            is_activity=False,
            error_type="TaskFailedError",
            fingerprint="…: Activity task #… failed: No …",
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
            fingerprint="No …",
            count=3,
            first=at(9),
            last=at(29),
            example="i30",
            run_id=summary(ledger, "i30").run_id,
        ),
    )


def test_the_most_frequent_failure_comes_first(ledger: Ledger) -> None:
    """Also if another one is newer."""
    for number in (10, 20):
        fails(ledger, number, "often")
    fails(ledger, 30, "once")
    groups = ledger.statistics.failures(HOUR).of
    assert [(each.fingerprint, each.count) for each in groups if each.is_activity] == [
        ("often", 2),
        ("once", 1),
    ]


def test_a_failure_without_a_type_and_message_is_a_group(ledger: Ledger) -> None:
    """Both are empty."""
    ended(ledger, 5, 5, Status.FAILED)
    (group,) = ledger.statistics.failures(HOUR).of
    assert (group.error_type, group.fingerprint, group.count) == ("", "", 1)


@limited(StatisticsLimits(60, 60, failures=2))
def test_the_latest_failures_are_grouped_if_there_are_too_many(ledger: Ledger) -> None:
    """The result says from when on."""
    for number in (10, 20, 30):
        fails(ledger, number, "often")
    failures = ledger.statistics.failures(HOUR)
    assert failures.within.since == at(20)
    assert [each.count for each in failures.of] == [2, 1]


@limited(StatisticsLimits(60, 0, batch=3))
def test_reading_stops_when_the_time_is_up(ledger: Ledger) -> None:
    """The latest rows are used, and the result says from when on."""
    for number in (10, 20, 30, 40):
        fails(ledger, number, "often")
    statistics = ledger.statistics
    assert statistics.failures(HOUR).within == Period(at(30), HOUR.until)
    assert sum(each.count for each in statistics.failures(HOUR).of) == 3
    assert statistics.workflows(HOUR).within == Period(at(20), HOUR.until)
    assert statistics.activities(HOUR).within == Period(at(19), HOUR.until)


QUERIES = [
    (lambda ledger: ledger.statistics.workflows(HOUR), "COVERING INDEX runs_durations"),
    (lambda ledger: ledger.statistics.throughput(HOUR), "COVERING INDEX runs_"),
    (
        lambda ledger: ledger.statistics.failures(HOUR),
        "INDEX runs_ended (status=? AND ended_micros>?",
    ),
]


@pytest.mark.sqlite_alone
@pytest.mark.parametrize(("ask", "index"), QUERIES, ids=["workflows", "throughput", "failures"])
def test_each_query_of_runs_uses_an_index(ledger: Ledger, ask: Any, index: str) -> None:
    """Only rows of the period are read, and they are not sorted."""
    found = [step for step in plans(ledger, ask) if " runs " in step]
    assert found
    assert all(index in step and step.startswith("SEARCH") for step in found), found


@pytest.mark.sqlite_alone
def test_each_query_of_attempts_uses_an_index(ledger: Ledger) -> None:
    """Durations are read from a covering index; failures are few."""
    (durations,) = plans(ledger, lambda ledger: ledger.statistics.activities(HOUR), "attempts")
    assert durations.startswith("SEARCH attempts USING COVERING INDEX attempts_ended (ended_at>?")
    failed, _ = plans(ledger, lambda ledger: ledger.statistics.failures(HOUR), "attempts")
    assert failed.startswith("SEARCH attempts USING INDEX attempts_failed (ended_at>?")

"""Statistics of runs and attempts."""

from typing import Any

import pytest

from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.ledger.statistics.buckets import Bucket
from operations.ledger.statistics.results import DurationDistribution, Outcomes
from operations.model import Failure, Status
from operations.records import ALL_TIME, Filter, Period, Sort
from operations.timeline import Ending, Span
from tests.unit.queries import ids
from tests.unit.snapshots import activity, at, done, snapshot, state_only, summary

pytestmark = pytest.mark.both_databases

HOUR = Period(at(0), at(3600))
FAULT = Failure("ValueError", "No 7")


def distribution(count: int, p50: float, p95: float, p99: float, longest: float) -> Any:
    """Return what a distribution with about these percentiles is equal to."""
    return DurationDistribution(count, about(p50), about(p95), about(p99), about(longest))


def about(seconds: float) -> Any:
    """Return what a duration of a histogram is equal to."""
    return pytest.approx(seconds, rel=0.02)


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
        assert ledger.statistics.failures(within) == ()


def test_workflows_have_their_count_failures_and_durations(ledger: Ledger) -> None:
    """Durations are in seconds; terminated runs have none."""
    for number in range(1, 101):
        ended(ledger, number, number)
    ended(ledger, 101, 500, Status.FAILED, failure=FAULT)
    ended(ledger, 102, 900, Status.TERMINATED)
    ended(ledger, 103, 2, workflow="refund")
    orders, refunds = ledger.statistics.workflows(HOUR).of
    duration = distribution(count=101, p50=51.0, p95=96.0, p99=100.0, longest=500.0)
    assert orders == Outcomes("order_workflow", 102, 100, 1, 1, duration, None, None)
    assert (orders.ended, orders.failure_share, orders.start_unknown) == (102, 1 / 101, 101)
    assert refunds == Outcomes(
        "refund", 1, 1, 0, 0, distribution(1, 2.0, 2.0, 2.0, 2.0), None, None
    )


def test_an_end_without_a_history_counts(ledger: Ledger) -> None:
    """Its time is the last update of the instance, until the history is read."""
    ledger.runs.ingest([snapshot(), state_only(Status.FAILED, read=9)])
    assert summary(ledger).ended_at == at(9)
    (workflow,) = ledger.statistics.workflows(HOUR).of
    assert (workflow.ended, workflow.failed) == (1, 1)
    assert ledger.statistics.series(HOUR, Bucket.HOUR).of[0].failed == 1
    ledger.runs.ingest([snapshot(instance_id="open"), done(instance_id="b", read=8)])
    by_end = ledger.search.page(Filter(), limit=9, sort=Sort.ENDED)
    assert ids(by_end) == ["order_A", "b", "open"]
    ledger.runs.ingest([done(ended_at=at(7), read=10)])
    ledger.runs.ingest([state_only(Status.COMPLETED, read=11)])
    assert summary(ledger).ended_at == at(7)


def test_a_run_has_a_queue_time_and_an_execution_time(ledger: Ledger) -> None:
    """If its first turn is known; other runs count only in `duration`."""
    ended(ledger, 1, 10, first_turn_at=at(1))
    ended(ledger, 2, 20, first_turn_at=at(4))
    ended(ledger, 3, 30)
    ended(ledger, 4, 40, first_turn_at=at(-1))  # of a later generation; the first was not read
    ended(ledger, 5, 50, Status.TERMINATED, first_turn_at=at(9))
    (found,) = ledger.statistics.workflows(HOUR).of
    assert found.start_unknown == 2
    assert found == Outcomes(
        name="order_workflow",
        created=5,
        completed=4,
        failed=0,
        other=1,
        duration=distribution(4, 20.0, 40.0, 40.0, 40.0),
        queue_time=distribution(2, 1.0, 4.0, 4.0, 4.0),
        execution_time=distribution(2, 9.0, 16.0, 16.0, 16.0),
    )


def test_the_queue_time_of_a_scheduled_run_counts_from_when_it_is_due(ledger: Ledger) -> None:
    """Not from its creation."""
    ended(ledger, 1, 90, started_at=at(63), first_turn_at=at(63), scheduled_for=at(60))
    (found,) = ledger.statistics.workflows(HOUR).of
    assert (found.queue_time, found.execution_time) == (
        distribution(1, 3, 3, 3, 3),
        distribution(1, 27, 27, 27, 27),
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
        distribution(1, 1, 1, 1, 1),
        distribution(1, 8, 8, 8, 8),
    )


def test_a_period_has_the_runs_and_attempts_that_ended_in_it(ledger: Ledger) -> None:
    """It includes its start and excludes its end; when the runs were created does not matter."""
    ends = (-1, 0, 3599, 3600)
    for number in ends:
        ended(ledger, number, number, created=-100)
    record_attempts(ledger, *(activity(n + 2, -100, n) for n in ends))
    (orders,) = ledger.statistics.workflows(HOUR).of
    (charges,) = ledger.statistics.activities(HOUR).of
    assert (orders.ended, charges.ended) == (2, 2)


def test_unfinished_runs_count_only_as_created(ledger: Ledger) -> None:
    """Unfinished attempts, and those that were cut off, do not count."""
    record_attempts(ledger, activity(1, 0), activity(2, 0, 5, ending=Ending.CUT_OFF))
    (workflow,) = ledger.statistics.workflows(HOUR).of
    assert (workflow.created, workflow.ended, workflow.failure_share) == (1, 0, None)
    assert ledger.statistics.activities(HOUR).of == ()


def test_an_attempt_has_a_queue_time_and_an_execution_time(ledger: Ledger) -> None:
    """If its start is known; other attempts count only in `duration`."""
    fault = {"ending": Ending.FAILED, "failure": FAULT}
    record_attempts(
        ledger,
        activity(1, 0, 10, started_at=at(1)),
        activity(2, 0, 20, started_at=at(4), **fault),
        activity(3, 0, 30),
    )
    (found,) = ledger.statistics.activities(HOUR).of
    assert found == Outcomes(
        name="charge",
        created=0,
        completed=2,
        failed=1,
        other=0,
        queue_time=distribution(2, 1.0, 4.0, 4.0, 4.0),
        execution_time=distribution(2, 9.0, 16.0, 16.0, 16.0),
        duration=distribution(3, 20.0, 30.0, 30.0, 30.0),
    )
    assert (found.failure_share, found.start_unknown) == (1 / 3, 1)


@pytest.mark.parametrize(("started", "queue"), [(-3, 0.0), (12, 10.0)])
def test_a_start_outside_the_attempt_is_moved_into_it(
    ledger: Ledger, started: float, queue: float
) -> None:
    """The clock of another machine differs."""
    record_attempts(ledger, activity(1, 0, 10, started_at=at(started)))
    (found,) = ledger.statistics.activities(HOUR).of
    assert found.queue_time
    assert found.execution_time
    assert found.queue_time.longest == pytest.approx(queue, rel=0.02, abs=1e-6)
    assert found.execution_time.longest == pytest.approx(10 - queue, rel=0.02, abs=1e-6)


def test_attempts_that_a_rerun_copied_do_not_count(ledger: Ledger) -> None:
    """They took no time, and failed in another run."""
    record_attempts(
        ledger, activity(1, 5, 5, ending=Ending.FAILED, failure=FAULT), activity(2, 5, 6)
    )
    (found,) = ledger.statistics.activities(HOUR).of
    assert (found.ended, found.failed) == (1, 0)

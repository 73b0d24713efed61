"""Failure groups: runs and attempts that failed in the same way."""

from typing import Any

import pytest

from operations.failure_groups import FailedKind, GroupKey
from operations.ledger import Ledger, LedgerLimits, StatisticsLimits
from operations.ledger.statistics.results import FailureGroup
from operations.model import Failure, Status
from operations.records import ALL_TIME, Filter, Period
from operations.timeline import Ending, Span, SpanKind
from tests.unit.plans import plans
from tests.unit.queries import ids
from tests.unit.snapshots import APP, activity, at, snapshot, state_only, summary

pytestmark = pytest.mark.both_databases

DAY = Period(at(0), at(24 * 3600))


def attempt(number: float, message: str, error_type: str = "ValueError", **more: Any) -> Span:
    """Return an attempt that failed so many seconds after noon."""
    failure = Failure(error_type, message)
    return activity(1, 0, number, ending=Ending.FAILED, failure=failure, **more)


def fails(ledger: Ledger, number: int, message: str, **more: Any) -> None:
    """Record a run that failed a second after its only attempt had failed."""
    spans = (attempt(number - 1, message),)
    whole = Failure("TaskFailedError", f"i{number}: Activity task #1 failed: {message}")
    values = {
        "instance_id": f"i{number}",
        "execution": f"e{number}",
        "read": number,
        "spans": spans,
        "failure": whole,
        **more,
    }
    ledger.runs.ingest([snapshot(Status.FAILED, **values)])


def test_failures_that_are_alike_are_one_group(ledger: Ledger) -> None:
    """The step and its own error count, not the error with which the workflow ended."""
    for number in (10, 20, 30):
        fails(ledger, number, f"No {number}", workflow="refund" if number == 20 else "order")
    key = GroupKey(APP, FailedKind.ACTIVITY, "charge", "ValueError", "No …")
    assert ledger.statistics.failures(DAY) == (
        FailureGroup(
            group_id=key.group_id,
            key=key,
            runs=3,
            attempts=3,
            first_at=at(9),
            last_at=at(30),
            workflows=("order", "refund"),
            trend=(3, *[0] * 23),
            known=None,
        ),
    )


def test_the_group_with_the_most_failed_runs_comes_first(ledger: Ledger) -> None:
    """Also if another one is newer; attempts without a failed run come last."""
    for number in (10, 20):
        fails(ledger, number, "often")
    fails(ledger, 30, "once")
    spans = (attempt(40, "retried"), attempt(50, "retried"))
    spans = (spans[0], activity(2, 41, 50))
    ledger.runs.ingest([snapshot(instance_id="i50", execution="e50", read=50, spans=spans)])
    groups = ledger.statistics.failures(DAY)
    assert [(each.key.fingerprint, each.runs, each.attempts) for each in groups] == [
        ("often", 2, 2),
        ("once", 1, 1),
        ("retried", 0, 1),
    ]


def test_the_trend_counts_the_runs_of_each_part(ledger: Ledger) -> None:
    """Twenty-four parts of one hour."""
    for second in (10, 20, 5 * 3600, 24 * 3600 - 1):
        fails(ledger, second, "often")
    (group,) = ledger.statistics.failures(DAY)
    assert group.trend == (2, 0, 0, 0, 0, 1, *[0] * 17, 1)


def test_a_group_knows_its_first_failure(ledger: Ledger) -> None:
    """Also one before the period, and one that is recorded later."""
    fails(ledger, 200, "often")
    fails(ledger, 100, "often")
    fails(ledger, 150, "often")
    (group,) = ledger.statistics.failures(Period(at(190), at(300)))
    assert (group.runs, group.first_at) == (1, at(99))


def test_a_failure_of_the_workflow_itself_is_a_group(ledger: Ledger) -> None:
    """Its step is the workflow; attempts that failed before were handled."""
    failure = Failure("KeyError", "'amount'")
    ledger.runs.ingest(
        [snapshot(Status.FAILED, read=9, failure=failure, spans=(attempt(5, "handled"),))]
    )
    own, handled = ledger.statistics.failures(DAY)
    assert own.key == GroupKey(APP, FailedKind.WORKFLOW, "order_workflow", "KeyError", "…")
    assert (handled.key.fingerprint, handled.runs) == ("handled", 0)


def test_a_failed_child_is_the_step(ledger: Ledger) -> None:
    """The child has a group of its own."""
    failure = Failure("TaskFailedError", "c1: Activity task #1 failed: gone")
    child = Span(
        SpanKind.CHILD, "pay", 0, 1, at(1), ended_at=at(5), ending=Ending.FAILED, failure=failure
    )
    whole = Failure("TaskFailedError", f"Sub-orchestration task #1 failed: {failure.message}")
    ledger.runs.ingest([snapshot(Status.FAILED, read=9, failure=whole, spans=(child,))])
    (group,) = ledger.statistics.failures(DAY)
    assert (group.key.kind, group.key.name) == (FailedKind.CHILD, "pay")
    assert group.key.fingerprint == "gone"
    assert summary(ledger).failed_step == "pay"


def test_a_run_shows_the_failure_of_its_step(ledger: Ledger) -> None:
    """Its details have the failure of the workflow; a filter finds the runs of a group."""
    fails(ledger, 10, "gone")
    fails(ledger, 20, "other")
    run = summary(ledger, "i10")
    assert (run.failed_step, run.error_type, run.error_message) == ("charge", "ValueError", "gone")
    details = ledger.runs.details(run.run_id)
    assert details
    assert details.failure
    assert details.failure.message == "i10: Activity task #1 failed: gone"
    assert run.failure_group
    wanted = Filter(failure_group=run.failure_group)
    assert ids(ledger.search.page(wanted, limit=9)) == ["i10"]
    assert ledger.search.counts(wanted)[Status.FAILED].number == 1


def test_a_run_without_a_history_belongs_to_no_group_yet(ledger: Ledger) -> None:
    """The state alone does not say which step failed."""
    ledger.runs.ingest([snapshot(), state_only(Status.FAILED, read=9)])
    assert summary(ledger).failure_group is None
    assert ledger.statistics.failures(DAY) == ()


def test_attempts_that_a_rerun_copied_do_not_count(ledger: Ledger) -> None:
    """They failed in another run; the rerun that fails for the same reason counts."""
    copied = (attempt(0, "gone", copied=True),)
    ledger.runs.ingest([snapshot(read=9, spans=copied)])
    assert ledger.statistics.failures(DAY) == ()
    whole = Failure("TaskFailedError", "Activity task #1 failed: gone")
    ledger.runs.ingest([snapshot(Status.FAILED, read=10, spans=copied, failure=whole)])
    (group,) = ledger.statistics.failures(DAY)
    assert (group.key.name, group.runs, group.attempts) == ("charge", 1, 0)


def test_a_step_whose_retry_succeeded_did_not_fail_the_run(ledger: Ledger) -> None:
    """Nor did one whose message is only a part of the workflow's message."""
    spans = (
        attempt(5, "refused", lane=1),
        activity(2, 6, 7, lane=1),
        Span(SpanKind.CHILD, "pay", 3, 3, at(1), at(8), Ending.FAILED, failure=Failure("E", "no")),
    )
    failure = Failure("ValueError", "There is no stock: refused")
    ledger.runs.ingest([snapshot(Status.FAILED, read=9, failure=failure, spans=spans)])
    assert summary(ledger).failed_step is None
    own, _ = ledger.statistics.failures(DAY)
    assert own.key.kind is FailedKind.WORKFLOW


@pytest.mark.parametrize(
    "message",
    ["Activity task #1 failed: gone\nsee the log", "Task 'charge' (#1) failed: gone", "gone"],
)
def test_the_step_is_found_in_the_messages_of_the_sdks(ledger: Ledger, message: str) -> None:
    """They repeat its message at their end, or after "failed: "."""
    failure = Failure("TaskFailedError", message)
    ledger.runs.ingest([snapshot(Status.FAILED, failure=failure, spans=(attempt(1, "gone"),))])
    assert summary(ledger).failed_step == "charge"


def test_a_message_with_a_number_of_any_length_is_recorded(ledger: Ledger) -> None:
    """No call has such a number."""
    failure = Failure("TaskFailedError", f"Activity task #{'1' * 5000} failed: x")
    ledger.runs.ingest([snapshot(Status.FAILED, failure=failure, spans=(attempt(1, "gone"),))])
    assert summary(ledger).failed_step is None


@pytest.mark.parametrize("ledger_limits", [LedgerLimits(statistics=StatisticsLimits(60, groups=2))])
def test_the_most_frequent_groups_are_read(ledger: Ledger) -> None:
    """At most as many as the limit says, for any period."""
    for number, word in enumerate(("a", "b", "b", "c", "c"), start=10):
        fails(ledger, number, f"{word} is gone")
    for within in (DAY, ALL_TIME):
        groups = ledger.statistics.failures(within)
        assert [each.key.fingerprint for each in groups] == ["c is gone", "b is gone"]


@pytest.mark.sqlite_alone
def test_only_failures_are_read(ledger: Ledger) -> None:
    """From indexes that have only failures."""
    for table, index in (
        ("runs", "COVERING INDEX runs_failed (ended_micros>? AND ended_micros<?)"),
        ("attempts", "COVERING INDEX attempts_failed (ended_at>? AND ended_at<?)"),
    ):
        first, *_ = plans(ledger, lambda ledger: ledger.statistics.failures(DAY), table)
        assert first == f"SEARCH {table} USING {index}"


def test_a_long_quoted_value_does_not_split_a_group(ledger: Ledger) -> None:
    """Messages are compared before they are cut."""
    for number in (10, 20):
        fails(ledger, number, f"Invalid order: '{'abcdefgh ' * number * 20}' was refused")
    (group,) = ledger.statistics.failures(DAY)
    assert (group.key.fingerprint, group.runs) == ("Invalid order: … was refused", 2)

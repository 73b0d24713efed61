"""The runs that the recorder follows: unfinished, finished and purged ones."""

import re
from collections.abc import Callable

import pytest

from operations.errors import HistoryLost
from operations.ledger import Ledger
from operations.model import HISTORY_LOST, Failure, Status
from operations.records import ALL_TIME, Filter, Period, Sort
from operations.snapshots import snapshot_of_lost
from operations.timeline import Stall, Waiting
from tests.unit.events import TOO_LARGE
from tests.unit.plans import plans
from tests.unit.snapshots import ID, at, done, pending, snapshot, state_only, statuses, summary

pytestmark = pytest.mark.both_databases

MANY = [f"order_{number}" for number in range(1200)]


def unfinished(ledger: Ledger) -> set[str]:
    """Return the ids of the unfinished runs."""
    return {each.instance_id for each in ledger.runs.unfinished()}


def test_a_run_is_unfinished_until_its_end_is_recorded(ledger: Ledger) -> None:
    """Then it is finished."""
    ledger.runs.ingest([snapshot(instance_id="order_1"), done(instance_id="order_2")])
    assert unfinished(ledger) == {"order_1"}
    assert ledger.runs.finished().keys() == {"order_2"}


def test_an_id_whose_latest_run_is_unfinished_is_not_finished(ledger: Ledger) -> None:
    """Only the latest run of an id counts."""
    ledger.runs.ingest([done(read=9), snapshot(execution="e2", created=20, read=21)])
    assert not ledger.runs.finished()
    assert unfinished(ledger) == {ID}


def test_a_purged_run_is_neither_unfinished_nor_finished(ledger: Ledger) -> None:
    """The recorder has nothing to read of it."""
    ledger.runs.ingest([snapshot(instance_id="order_1"), done(instance_id="order_2")])
    ledger.runs.mark_purged(dict.fromkeys(["order_1", "order_2", "order_3"], at(30)))
    assert not unfinished(ledger)
    assert not ledger.runs.finished()
    assert summary(ledger, "order_2").purged_at == at(30)
    assert statuses(ledger, "order_2") == [Status.COMPLETED]


def test_a_purged_run_without_an_end_is_unknown(ledger: Ledger) -> None:
    """Its end was never read."""
    ledger.runs.ingest([snapshot()])
    ledger.runs.mark_purged({ID: at(30)})
    assert statuses(ledger) == [Status.UNKNOWN]


def test_a_run_that_was_purged_before_its_end_is_over_at_the_purge(ledger: Ledger) -> None:
    """Lists and statistics use the time of the purge as its end, until the run is read again."""
    ledger.runs.ingest([snapshot(instance_id="order_1"), snapshot(instance_id="order_2")])
    assert [each.ended for each in ledger.statistics.workflows(ALL_TIME).of] == [0]
    ledger.runs.mark_purged({"order_1": at(30)})
    assert summary(ledger, "order_1").over_at == at(30)
    for sort in (Sort.ENDED, Sort.LONGEST):
        page = ledger.search.page(Filter(), limit=9, sort=sort)
        assert [run.instance_id for run in page.runs] == ["order_1", "order_2"]
    (found,) = ledger.statistics.workflows(Period(at(30), at(31))).of
    assert (found.other, found.failed, found.duration) == (1, 0, None)
    ledger.runs.ingest([snapshot(instance_id="order_1", read=31)])
    assert summary(ledger, "order_1").over_at is None
    assert [each.ended for each in ledger.statistics.workflows(ALL_TIME).of] == [0]


def test_a_purge_is_recorded_once(ledger: Ledger) -> None:
    """A second one changes neither the time nor the revision."""
    ledger.runs.ingest([done(read=9)])
    ledger.runs.mark_purged({ID: at(30)})
    ledger.runs.mark_purged({ID: at(40)})
    assert summary(ledger).purged_at == at(30)
    assert (summary(ledger).revision, ledger.heartbeat().revision) == (2, 2)


def test_a_run_that_was_read_after_a_purge_is_not_purged(ledger: Ledger) -> None:
    """The purge was of an earlier run."""
    ledger.runs.ingest([done(read=9)])
    ledger.runs.mark_purged({ID: at(8)})
    assert summary(ledger).purged_at is None
    assert ledger.heartbeat().revision == 1


def test_many_are_purged_at_once(ledger: Ledger) -> None:
    """Any number of ids gets one revision."""
    ledger.runs.ingest([done(instance_id=name) for name in MANY])
    ledger.runs.mark_purged(dict.fromkeys(MANY, at(30)))
    assert not ledger.runs.finished()
    assert ledger.heartbeat().revision == 2


def test_nothing_purged_is_no_change(ledger: Ledger) -> None:
    """Without ids the revision stays."""
    ledger.runs.mark_purged({})
    assert ledger.heartbeat().revision == 0


def test_unfinished_runs_since_a_revision_are_those_written_after_it(ledger: Ledger) -> None:
    """The recorder reads the changes of other processes without reading all runs again."""
    ledger.runs.ingest([snapshot(instance_id=name) for name in ("a", "b")])
    ledger.runs.ingest([done(instance_id="a", read=9), snapshot(instance_id="c")])
    assert {each.instance_id for each in ledger.runs.unfinished(1)} == {"c"}
    assert ledger.runs.unfinished(2) == ()


@pytest.mark.sqlite_alone
@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda ledger: ledger.runs.unfinished(), "followed"),
        (lambda ledger: ledger.runs.unfinished(5), "followed"),
        (lambda ledger: ledger.runs.finished(), "followed"),
        (lambda ledger: ledger.runs.latest(ID), "of_id"),
        (lambda ledger: ledger.runs.adjacent_runs(summary(ledger)), "of_id"),
        (lambda ledger: ledger.runs.ingest([done(execution="e9")]), "of_id"),
        (lambda ledger: ledger.runs.ingest([done(execution="e9")]), r"of_id .*execution_id"),
        (lambda ledger: ledger.runs.mark_purged({ID: at(1)}), "of_id"),
        (lambda ledger: ledger.search.counts(Filter()), "newest"),
    ],
)
def test_each_query_uses_an_index(
    ledger: Ledger, ask: Callable[[Ledger], object], index: str
) -> None:
    """No query scans the table."""
    ledger.runs.ingest([snapshot()])
    steps = plans(ledger, ask)
    assert any(re.search(rf"USING (COVERING )?INDEX runs_{index}\b", each) for each in steps)
    assert "SCAN runs" not in steps


def test_a_stalled_run_has_the_reason_until_it_goes_on(ledger: Ledger) -> None:
    """List and page have the engine's words, also after a read without the history."""
    ledger.runs.ingest([snapshot(Status.STALLED, read=6, stall=Stall(at(5), TOO_LARGE))])
    ledger.runs.ingest([state_only(Status.STALLED, read=7)])
    run = summary(ledger)
    assert (run.error_type, run.error_message) == (TOO_LARGE.error_type, TOO_LARGE.message)
    assert failure_in_details(ledger) == TOO_LARGE
    ledger.runs.ingest([snapshot(read=61)])
    assert (summary(ledger).error_type, summary(ledger).error_message) == (None, None)
    assert failure_in_details(ledger) is None


def test_a_run_whose_history_is_lost_has_the_reason_until_it_is_read_again(
    ledger: Ledger,
) -> None:
    """It stays the same run, which waits for nothing; its text can be searched."""
    ledger.runs.ingest([snapshot(read=6, waiting=Waiting("charge", at(90)))])
    known = summary(ledger)
    error = HistoryLost(ID, "The history key 'history-000000' is missing")
    ledger.runs.ingest([snapshot_of_lost(known, error, at(7))])
    run = summary(ledger)
    assert (run.run_id, run.status, run.has_lost_history) == (known.run_id, Status.UNKNOWN, True)
    assert (run.waits_for, run.waits_until) == (None, None)
    assert (run.execution_id, run.created_at) == (known.execution_id, known.created_at)
    assert failure_in_details(ledger) == Failure(HISTORY_LOST, error.reason)
    assert ledger.search.page(Filter(text="history-000000"), limit=9).runs == (run,)
    assert unfinished(ledger) == {ID}
    ledger.runs.ingest([snapshot(read=61)])
    again = summary(ledger)
    assert (again.run_id, again.status, again.error_type) == (known.run_id, Status.RUNNING, None)
    assert failure_in_details(ledger) is None


def test_a_pending_run_whose_history_is_lost_stays_the_same_run(ledger: Ledger) -> None:
    """Its execution id was never read."""
    ledger.runs.ingest([pending(read=6)])
    error = HistoryLost(ID, "The inbox key 'inbox-000000' is missing")
    ledger.runs.ingest([snapshot_of_lost(summary(ledger), error, at(7))])
    assert statuses(ledger) == [Status.UNKNOWN]


def failure_in_details(ledger: Ledger) -> Failure | None:
    """Return the failure in the details of the latest run."""
    found = ledger.runs.details(summary(ledger).run_id)
    assert found
    return found.failure

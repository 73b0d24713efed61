"""Pending instances that Dapr writes back after a forced purge: they are no runs."""

from dataclasses import replace

import pytest

from operations.ledger import Ledger
from operations.model import Status
from operations.records import Filter
from tests.unit.calls import RESERVATION
from tests.unit.snapshots import (
    ID,
    activity,
    at,
    done,
    pending,
    runs_of,
    snapshot,
    statuses,
    summary,
)

pytestmark = pytest.mark.both_databases

REAL = snapshot(read=1, spans=(activity(1, 0),))


def purged(ledger: Ledger) -> int:
    """Record a run that is purged 5 seconds after noon, and return its `run_id`."""
    ledger.runs.ingest([REAL])
    ledger.runs.mark_purged({ID: at(5)})
    return summary(ledger).run_id


def test_a_pending_instance_right_after_a_purge_is_no_run(ledger: Ledger) -> None:
    """The real run stays the latest; the snapshot counts as stale, so that it is read again."""
    run_id = purged(ledger)
    revision = ledger.heartbeat().revision
    for read in (6, 14):
        assert ledger.runs.ingest([pending(read=read)]) == {ID}
        assert ledger.runs.merged(pending(read=read)).run_id == run_id
    assert [run.run_id for run in runs_of(ledger)] == [run_id]
    assert ledger.heartbeat().revision == revision


def test_a_pending_instance_in_place_of_a_started_one_is_no_run(ledger: Ledger) -> None:
    """The engine has lost that run, which is marked as purged; nothing takes its place yet."""
    ledger.runs.ingest([REAL])
    assert ledger.runs.ingest([pending(read=7)]) == {ID}
    assert (statuses(ledger), summary(ledger).purged_at) == ([Status.UNKNOWN], at(7))
    assert ledger.runs.unfinished() == ()


def test_a_pending_instance_that_stays_is_a_run(ledger: Ledger) -> None:
    """Another program has started it for a later time."""
    purged(ledger)
    assert ledger.runs.ingest([pending(read=16)]) == set()
    assert statuses(ledger) == [Status.PENDING, Status.UNKNOWN]


def test_a_start_that_flowdeck_reserved_is_a_run_at_once(ledger: Ledger) -> None:
    """Also right after a purge; it stays a run when the engine has it no more."""
    purged(ledger)
    assert ledger.reservations.claim(RESERVATION, None)
    assert ledger.runs.ingest([pending(read=6)]) == set()
    assert statuses(ledger) == [Status.PENDING, Status.UNKNOWN]
    ledger.runs.mark_purged({ID: at(60)})
    assert statuses(ledger) == [Status.UNKNOWN, Status.UNKNOWN]


def test_a_pending_instance_after_a_finished_one_is_a_run_at_once(ledger: Ledger) -> None:
    """Nothing was purged: the id was used again."""
    ledger.runs.ingest([done(read=9), pending(read=10)])
    assert statuses(ledger) == [Status.PENDING, Status.COMPLETED]


def test_a_phantom_is_deleted_as_soon_as_the_engine_does_not_have_it(ledger: Ledger) -> None:
    """The real run is the latest one again, with all that is known of it."""
    run_id = purged(ledger)
    ledger.runs.ingest([pending(read=16)])
    phantom = summary(ledger).run_id
    ledger.runs.mark_purged({ID: at(20)})
    assert [run.run_id for run in runs_of(ledger)] == [run_id]
    assert (summary(ledger).is_latest, summary(ledger).purged_at) == (True, at(5))
    assert summary(ledger).revision == ledger.heartbeat().revision
    assert ledger.runs.details(phantom) is None
    assert len(ledger.runs.attempts(run_id)) == 1
    for wanted in (Filter(), Filter(text=ID)):
        page = ledger.search.page(wanted, limit=9)
        assert [run.run_id for run in page.runs] == [run_id]


def test_a_run_that_has_started_is_no_phantom(ledger: Ledger) -> None:
    """It is kept when it is purged."""
    purged(ledger)
    second = snapshot(execution="e2", created=16, read=17)
    ledger.runs.ingest([pending(read=16), second])
    ledger.runs.mark_purged({ID: at(20)})
    assert [run.execution_id for run in runs_of(ledger)] == ["e2", "e1"]


def test_a_pending_run_without_an_earlier_one_is_no_phantom(ledger: Ledger) -> None:
    """It was scheduled for later, and purged before it began."""
    ledger.runs.ingest([pending(read=1)])
    ledger.runs.mark_purged({ID: at(2)})
    assert statuses(ledger) == [Status.UNKNOWN]


def test_each_application_has_its_phantoms(ledger: Ledger) -> None:
    """The run of the same id in another application stays."""
    other = ledger.for_app("other")
    other.runs.ingest([replace(pending(read=1), app_id="other")])
    purged(ledger)
    ledger.runs.ingest([pending(read=16)])
    ledger.runs.mark_purged({ID: at(20)})
    assert statuses(ledger) == [Status.UNKNOWN]
    assert statuses(other) == [Status.PENDING]

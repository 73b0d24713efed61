"""Histories of unfinished runs, and the runs whose history is in the ledger."""

from dataclasses import replace

import pytest

from operations.ledger import Ledger
from operations.model import Status
from operations.records import Snapshot
from operations.timeline import Timeline
from tests.unit.events import completed, scheduled, started
from tests.unit.snapshots import ID, at, details_of, done, pending, snapshot, state_only, summary

pytestmark = pytest.mark.both_databases

SO_FAR = (started(0, execution_id="e1"), scheduled(1, 1))


def running(*, read: float = 1) -> Snapshot:
    """Return a snapshot of a running instance with its history so far."""
    return snapshot(read=read, history=SO_FAR)


def test_the_history_of_an_unfinished_run_is_written_by_keep_histories_alone(
    ledger: Ledger,
) -> None:
    """`ingest` does not write it: a running instance is read again and again."""
    ledger.runs.ingest([running()])
    assert ledger.runs.archived([ID]) == {}
    ledger.runs.keep_histories([running()])
    assert ledger.runs.archived([ID]) == {ID: Status.RUNNING}
    details = details_of(ledger, summary(ledger))
    assert details.history == SO_FAR


def test_a_run_with_an_unfinished_history_is_still_followed(ledger: Ledger) -> None:
    """The history of its end replaces the unfinished one."""
    ledger.runs.ingest([running()])
    ledger.runs.keep_histories([running()])
    assert [each.instance_id for each in ledger.runs.unfinished()] == [ID]
    end = replace(done(), history=(*SO_FAR, completed(1, 2)))
    ledger.runs.ingest([end])
    details = details_of(ledger, summary(ledger))
    assert details.history == end.history


def test_an_archived_history_is_not_overwritten(ledger: Ledger) -> None:
    """The history of a finished run is complete."""
    ledger.runs.ingest([done()])
    ledger.runs.keep_histories([running()])
    details = details_of(ledger, summary(ledger))
    assert details.history == done().history


def test_only_runs_with_a_history_are_archived(ledger: Ledger) -> None:
    """Not those that were read without it, nor pending ones, nor unknown ones."""
    ledger.runs.ingest(
        [
            state_only(Status.COMPLETED),
            replace(pending(instance_id="order_P"), timeline=Timeline()),
            done(instance_id="order_D"),
        ]
    )
    found = ledger.runs.archived([ID, "order_P", "order_D", "order_Z"])
    assert found == {"order_D": Status.COMPLETED}


def test_a_purged_run_is_not_archived(ledger: Ledger) -> None:
    """A purge needs the archived runs that the engine still has."""
    ledger.runs.ingest([done()])
    ledger.runs.mark_purged({ID: at(99)})
    assert ledger.runs.archived([ID]) == {}

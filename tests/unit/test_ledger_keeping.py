"""Histories that are kept before their end, and what is known to be kept."""

from dataclasses import replace

import pytest

from operations.ledger import Ledger
from operations.model import Status
from operations.records import Snapshot
from operations.timeline import Timeline
from tests.unit.events import completed, scheduled, started
from tests.unit.snapshots import ID, at, done, glance, pending, snapshot, summary

pytestmark = pytest.mark.both_databases

SO_FAR = (started(0, execution_id="e1"), scheduled(1, 1))


def running(*, seen: float = 1) -> Snapshot:
    """Return a snapshot of an instance under way, with its history so far."""
    return snapshot(seen=seen, history=SO_FAR)


def test_a_history_so_far_is_kept_only_when_it_is_asked_for(ledger: Ledger) -> None:
    """An instance under way is read again and again."""
    ledger.runs.ingest([running()])
    assert ledger.runs.archived([ID]) == {}
    ledger.runs.keep_histories([running()])
    assert ledger.runs.archived([ID]) == {ID: Status.RUNNING}
    details = ledger.runs.details(summary(ledger).run_id)
    assert details
    assert details.history == SO_FAR


def test_what_is_kept_so_far_ends_nothing(ledger: Ledger) -> None:
    """It is followed on, and its end takes the place of what was kept."""
    ledger.runs.ingest([running()])
    ledger.runs.keep_histories([running()])
    assert [each.instance_id for each in ledger.runs.unfinished()] == [ID]
    end = replace(done(), history=(*SO_FAR, completed(1, 2)))
    ledger.runs.ingest([end])
    details = ledger.runs.details(summary(ledger).run_id)
    assert details
    assert details.history == end.history


def test_an_archive_is_not_written_over(ledger: Ledger) -> None:
    """What had ended is whole."""
    ledger.runs.ingest([done()])
    ledger.runs.keep_histories([running()])
    details = ledger.runs.details(summary(ledger).run_id)
    assert details
    assert details.history == done().history


def test_only_what_has_its_history_is_archived(ledger: Ledger) -> None:
    """Neither what was seen at a glance, nor what has not begun, nor what nobody has seen."""
    ledger.runs.ingest(
        [
            glance(Status.COMPLETED),
            replace(pending(instance_id="order_P"), timeline=Timeline()),
            done(instance_id="order_D"),
        ]
    )
    found = ledger.runs.archived([ID, "order_P", "order_D", "order_Z"])
    assert found == {"order_D": Status.COMPLETED}


def test_what_is_purged_is_archived_no_more(ledger: Ledger) -> None:
    """A purge asks for what the engine has at that moment."""
    ledger.runs.ingest([done()])
    ledger.runs.mark_purged({ID: at(99)})
    assert ledger.runs.archived([ID]) == {}

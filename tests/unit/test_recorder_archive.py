"""The archive of what the engine forgets before its end was read."""

from dataclasses import replace

import pytest

from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.recorder.archive import Archive
from operations.recorder.limits import Limits
from operations.records import Snapshot
from tests.unit.snapshots import ID, at, pending, snapshot, summary

pytestmark = pytest.mark.both_databases

EVENT = 500  # characters that an event counts as beside its payload
HISTORY = (
    HistoryEvent(-1, at(0), "executionStarted", execution_id="e1"),
    HistoryEvent(1, at(1), "taskScheduled", name="charge"),
)


def running(instance_id: str = ID, history: tuple[HistoryEvent, ...] = HISTORY) -> Snapshot:
    """Return what was read of an instance that runs."""
    return snapshot(instance_id=instance_id, history=history)


def gone(archive: Archive, *ids: str) -> None:
    """Have the engine forget instances."""
    archive.mark_purged(dict.fromkeys(ids, at(99)))


def archived(ledger: Ledger, instance_id: str = ID) -> object:
    """Return the history that the ledger has of an instance."""
    details = ledger.runs.details(summary(ledger, instance_id).run_id)
    assert details
    return details.history


def test_the_last_history_of_what_is_gone_is_kept(ledger: Ledger) -> None:
    """As far as it was read; a look without a history does not lose it."""
    archive = Archive(ledger, Limits())
    ledger.runs.ingest([running()])
    archive.keep(running(history=HISTORY[:1]))
    archive.keep(running())
    archive.keep(replace(running(), history=None))
    gone(archive, ID, "order_unknown")
    assert archived(ledger) == HISTORY


def test_what_is_over_is_kept_no_more(ledger: Ledger) -> None:
    """Its history is in the ledger, or there is none to come."""
    archive = Archive(ledger, Limits())
    ledger.runs.ingest([running()])
    archive.keep(running())
    archive.forget(ID)
    archive.forget("order_unknown")
    gone(archive, ID)
    assert (len(archive), archived(ledger)) == (0, None)


def test_what_another_process_kept_stays(ledger: Ledger) -> None:
    """An action that purges reads the history right before."""
    archive = Archive(ledger, Limits())
    archive.keep(running(history=HISTORY[:1]))
    ledger.runs.ingest([running()])
    ledger.runs.keep_histories([running()])
    gone(archive, ID)
    assert archived(ledger) == HISTORY


def test_a_history_of_another_life_is_not_taken(ledger: Ledger) -> None:
    """Nor is there one of a life that the ledger knows to be gone."""
    archive = Archive(ledger, Limits())
    archive.keep(running())
    ledger.runs.ingest([pending()])
    gone(archive, ID)
    assert archived(ledger) is None
    ledger.runs.ingest([replace(running(), read_at=at(2))])
    ledger.runs.mark_purged({ID: at(3)})
    gone(archive, ID)
    assert archived(ledger) is None


def test_only_so_much_is_kept(ledger: Ledger) -> None:
    """Those that were not read for the longest time give way, payloads and all."""
    large = (replace(HISTORY[0], payload="x" * 3 * EVENT),)
    names = ["a", "b", "c"]
    archive = Archive(ledger, Limits(archive_size=6 * EVENT))
    ledger.runs.ingest([running(name) for name in names])
    for name in (*names, "a"):
        archive.keep(running(name))
    archive.keep(running("c", large))
    gone(archive, *names)
    assert [archived(ledger, name) for name in names] == [HISTORY, None, large]
    archive.keep(running("b", large * 2))
    assert len(archive) == 0

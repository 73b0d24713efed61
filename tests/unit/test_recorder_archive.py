"""The archive of runs that were purged before their end was read."""

from dataclasses import replace

import pytest

from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.recorder.archive import Archive
from operations.recorder.limits import RecorderLimits
from operations.records import Snapshot
from tests.unit.snapshots import ID, at, details_of, pending, snapshot, summary

pytestmark = pytest.mark.both_databases

EVENT = 500  # characters that an event counts in addition to its payload
HISTORY = (
    HistoryEvent(-1, at(0), "executionStarted", execution_id="e1"),
    HistoryEvent(1, at(1), "taskScheduled", name="charge"),
)


def running(instance_id: str = ID, history: tuple[HistoryEvent, ...] = HISTORY) -> Snapshot:
    """Return a snapshot of a running instance."""
    return snapshot(instance_id=instance_id, history=history)


def mark_gone(archive: Archive, *ids: str) -> None:
    """Record that the engine no longer has instances."""
    archive.mark_purged(dict.fromkeys(ids, at(99)))


def archived(ledger: Ledger, instance_id: str = ID) -> object:
    """Return the history that the ledger has of an instance."""
    details = details_of(ledger, summary(ledger, instance_id))
    return details.history


def test_the_last_history_of_a_lost_run_is_kept(ledger: Ledger) -> None:
    """A snapshot without a history does not replace it."""
    archive = Archive(ledger, RecorderLimits())
    ledger.runs.ingest([running()])
    archive.keep(running(history=HISTORY[:1]))
    archive.keep(running())
    archive.keep(replace(running(), history=None))
    mark_gone(archive, ID, "order_unknown")
    assert archived(ledger) == HISTORY


def test_the_history_of_a_finished_run_is_dropped(ledger: Ledger) -> None:
    """The ledger has it, or there is none."""
    archive = Archive(ledger, RecorderLimits())
    ledger.runs.ingest([running()])
    archive.keep(running())
    archive.forget(ID)
    archive.forget("order_unknown")
    mark_gone(archive, ID)
    assert (len(archive), archived(ledger)) == (0, None)


def test_a_history_of_another_process_stays(ledger: Ledger) -> None:
    """An action reads the history right before it purges the instance."""
    archive = Archive(ledger, RecorderLimits())
    archive.keep(running(history=HISTORY[:1]))
    ledger.runs.ingest([running()])
    ledger.runs.keep_histories([running()])
    mark_gone(archive, ID)
    assert archived(ledger) == HISTORY


def test_a_history_of_another_run_is_not_written(ledger: Ledger) -> None:
    """Nor is the history of a run that the ledger knows to be purged."""
    archive = Archive(ledger, RecorderLimits())
    archive.keep(running())
    ledger.runs.ingest([pending()])
    mark_gone(archive, ID)
    assert archived(ledger) is None
    ledger.runs.ingest([replace(running(), read_at=at(2))])
    ledger.runs.mark_purged({ID: at(3)})
    mark_gone(archive, ID)
    assert archived(ledger) is None


def test_the_size_of_kept_histories_is_limited(ledger: Ledger) -> None:
    """The histories that were read longest ago are dropped first; payloads count."""
    large = (replace(HISTORY[0], payload="x" * 3 * EVENT),)
    names = ["a", "b", "c"]
    archive = Archive(ledger, RecorderLimits(archive_size=6 * EVENT))
    ledger.runs.ingest([running(name) for name in names])
    for name in (*names, "a"):
        archive.keep(running(name))
    archive.keep(running("c", large))
    mark_gone(archive, *names)
    assert [archived(ledger, name) for name in names] == [HISTORY, None, large]
    archive.keep(running("b", large * 2))
    assert len(archive) == 0

"""The histories of what the engine forgets before its end was read."""

from dataclasses import replace

import pytest

from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.recorder.histories import EVENT, Histories
from operations.records import Snapshot
from tests.unit.snapshots import ID, at, pending, snapshot, summary

pytestmark = pytest.mark.both_databases

HISTORY = (
    HistoryEvent(-1, at(0), "executionStarted", execution_id="e1"),
    HistoryEvent(1, at(1), "taskScheduled", name="charge"),
)


def running(instance_id: str = ID, history: tuple[HistoryEvent, ...] = HISTORY) -> Snapshot:
    """Return what was read of an instance that runs."""
    return snapshot(instance_id=instance_id, history=history)


def archived(ledger: Ledger, instance_id: str = ID) -> object:
    """Return the history that the ledger has of an instance."""
    details = ledger.runs.details(summary(ledger, instance_id).run_id)
    assert details
    return details.history


def test_the_last_history_of_what_is_gone_is_kept(ledger: Ledger) -> None:
    """As far as it was read; a look without a history does not lose it."""
    histories = Histories(ledger)
    ledger.runs.ingest([running()])
    histories.keep(running(history=HISTORY[:1]))
    histories.keep(running())
    histories.keep(replace(running(), history=None))
    histories.archive([ID, "order_unknown"])
    assert archived(ledger) == HISTORY


def test_what_is_over_is_kept_no_more(ledger: Ledger) -> None:
    """Its history is in the ledger, or there is none to come."""
    histories = Histories(ledger)
    ledger.runs.ingest([running()])
    histories.keep(running())
    histories.forget(ID)
    histories.forget("order_unknown")
    histories.archive([ID])
    assert (len(histories), archived(ledger)) == (0, None)


def test_what_another_process_kept_stays(ledger: Ledger) -> None:
    """An action that purges reads the history right before."""
    histories = Histories(ledger)
    histories.keep(running(history=HISTORY[:1]))
    ledger.runs.ingest([running()])
    ledger.runs.keep_histories([running()])
    histories.archive([ID])
    assert archived(ledger) == HISTORY


def test_a_history_of_another_life_is_not_taken(ledger: Ledger) -> None:
    """Nor is there one of a life that the ledger knows to be gone."""
    histories = Histories(ledger)
    histories.keep(running())
    ledger.runs.ingest([pending()])
    histories.archive([ID])
    assert archived(ledger) is None
    ledger.runs.ingest([replace(running(), read_at=at(2))])
    ledger.runs.mark_purged({ID: at(3)})
    histories.archive([ID])
    assert archived(ledger) is None


def test_only_so_much_is_kept(ledger: Ledger) -> None:
    """Those that were not read for the longest time give way, payloads and all."""
    large = (replace(HISTORY[0], payload="x" * 3 * EVENT),)
    names = ["a", "b", "c"]
    histories = Histories(ledger, most=6 * EVENT)
    ledger.runs.ingest([running(name) for name in names])
    for name in (*names, "a"):
        histories.keep(running(name))
    histories.keep(running("c", large))
    histories.archive(names)
    assert [archived(ledger, name) for name in names] == [HISTORY, None, large]
    histories.keep(running("b", large * 2))
    assert len(histories) == 0

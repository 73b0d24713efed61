"""What the ledger tells of an instance, held against the engine's own words."""

from datetime import datetime

from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.model import Instance
from operations.records import Details, Entry
from operations.timeline import Ending
from tests.integration.rich import Rich

ENDINGS = {"taskCompleted": Ending.COMPLETED, "taskFailed": Ending.FAILED}


def true_entry(rich: Rich, instance_id: str) -> Entry:
    """Return the entry of an instance that has ended, once it says what the engine says."""
    state, history = rich.ended(instance_id), rich.gateway.history(instance_id)
    entry = rich.recorded(instance_id, state.status)
    assert entry.purged_at is None
    assert_true(rich.ledger, entry, state, history)
    return entry


def assert_true(
    ledger: Ledger, entry: Entry, state: Instance, history: tuple[HistoryEvent, ...]
) -> None:
    """Hold an entry, with all that belongs to it, against the last that the engine said of it."""
    assert ledger.instances.neighbours(entry) == (None, None)
    assert (entry.instance_id, entry.status) == (state.instance_id, state.status)
    assert entry.workflow == state.workflow
    assert entry.last_updated_at == state.last_updated_at
    assert entry.ended_at == moment(history, "executionCompleted")
    assert entry.execution_id == one(history, "executionStarted").execution_id
    assert (entry.waits_for, entry.waits_until) == (None, None)
    told = (entry.failure_type, entry.failure_message)
    failure = state.failure
    assert told == ((failure.error_type, failure.message) if failure else (None, None))
    assert ledger.instances.details(entry.key) == Details(
        state.input, state.output, state.custom_status, failure, history
    )
    assert_attempts(ledger, entry, history)


def assert_attempts(ledger: Ledger, entry: Entry, history: tuple[HistoryEvent, ...]) -> None:
    """Hold the attempts of an instance against its events, one by one."""
    told = {
        span.event_id: (span.name, span.start, span.end, span.ending)
        for span in ledger.instances.attempts(entry.key)
    }
    answers = {event.answers: event for event in history if event.kind in ENDINGS}
    assert told == {
        event.event_id: (
            event.name,
            event.timestamp,
            answers[event.event_id].timestamp,
            ENDINGS[answers[event.event_id].kind],
        )
        for event in history
        if event.kind == "taskScheduled"
    }


def one(history: tuple[HistoryEvent, ...], kind: str) -> HistoryEvent:
    """Return the one event of a kind."""
    (event,) = (event for event in history if event.kind == kind)
    return event


def moment(history: tuple[HistoryEvent, ...], kind: str) -> datetime:
    """Return when the one event of a kind was."""
    return one(history, kind).timestamp

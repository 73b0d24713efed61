"""Compares the ledger's run of an instance with the engine's state and history."""

from datetime import datetime

from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.model import Failure, Instance
from operations.records import RunDetails, RunSummary
from operations.timeline import Ending
from tests.integration.rich import Rich

STEP_FAILURES = {"taskFailed", "childWorkflowInstanceFailed"}
ENDINGS = {"taskCompleted": Ending.COMPLETED, "taskFailed": Ending.FAILED}


def true_run(rich: Rich, instance_id: str) -> RunSummary:
    """Wait until an instance has ended, assert that its run matches the engine, and return it."""
    state, history = rich.ended(instance_id), rich.gateway.history(instance_id)
    summary = rich.recorded(instance_id, state.status)
    assert summary.purged_at is None
    assert_true(rich.ledger, summary, state, history)
    return summary


def assert_true(
    ledger: Ledger, summary: RunSummary, state: Instance, history: tuple[HistoryEvent, ...]
) -> None:
    """Assert that a run with its details and attempts matches the engine's state and history."""
    assert ledger.runs.adjacent_runs(summary) == (None, None)
    assert (summary.instance_id, summary.status) == (state.instance_id, state.status)
    assert summary.workflow == state.workflow
    assert summary.last_updated_at == state.last_updated_at
    assert summary.ended_at == moment(history, "executionCompleted")
    assert summary.execution_id == one(history, "executionStarted").execution_id
    assert (summary.waits_for, summary.waits_until) == (None, None)
    recorded = (summary.error_type, summary.error_message)
    failure = cause(state, history)
    assert recorded == ((failure.error_type, failure.message) if failure else (None, None))
    assert ledger.runs.details(summary.run_id) == RunDetails(
        state.input, state.output, state.custom_status, state.failure, history
    )
    assert_attempts(ledger, summary, history)


def cause(state: Instance, history: tuple[HistoryEvent, ...]) -> Failure | None:
    """Return the error of the step that failed an instance, else that of its own code."""
    failures = [event.failure for event in history if event.kind in STEP_FAILURES and event.failure]
    last = failures[-1] if failures else None
    is_cause = last and state.failure and state.failure.message.endswith(last.message)
    return last if is_cause else state.failure


def assert_attempts(ledger: Ledger, summary: RunSummary, history: tuple[HistoryEvent, ...]) -> None:
    """Assert that the attempts of a run match the events of its history."""
    recorded = {
        span.event_id: (span.name, span.scheduled_at, span.ended_at, span.ending)
        for span in ledger.runs.attempts(summary.run_id)
    }
    answers = {event.answers: event for event in history if event.kind in ENDINGS}
    assert recorded == {
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
    """Return the only event of a kind."""
    (event,) = (event for event in history if event.kind == kind)
    return event


def moment(history: tuple[HistoryEvent, ...], kind: str) -> datetime:
    """Return the time of the only event of a kind."""
    return one(history, kind).timestamp

"""Finished runs that only the ledger has: thousands of activities, loud failures."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.model import Failure, Instance, Status
from operations.records import Snapshot
from operations.timeline import timeline_of
from system.dapr.settings import DaprSettings

WORKFLOW = "large_workflow"
PARALLEL = 100  # activities at a time
SECONDS = 0.5  # of each activity
REFUSED = Failure("CardError", "The card was refused.")


def record(ledger: Ledger, *runs: Snapshot) -> None:
    """Record finished runs of the application, which Dapr no longer has."""
    ledger.runs.ingest([replace(each, app_id=DaprSettings().app_id) for each in runs])


def add_large_run(
    ledger: Ledger, instance_id: str, activities: int, failure: Failure = REFUSED
) -> None:
    """Write a run that started the activities in steps of 100; the last one failed, and the run."""
    history = _history(activities, failure)
    instance = Instance(
        instance_id,
        WORKFLOW,
        Status.FAILED,
        created_at=history[0].timestamp,
        last_updated_at=history[-1].timestamp,
        failure=failure,
    )
    timeline, now = timeline_of(history), datetime.now(UTC)
    ledger.runs.ingest([Snapshot(DaprSettings().app_id, instance, timeline, now, history)])


def _history(activities: int, failure: Failure) -> tuple[HistoryEvent, ...]:
    at = datetime.now(UTC) - timedelta(hours=1)
    events = [
        HistoryEvent(-1, at, "executionStarted", name=WORKFLOW, execution_id="large"),
    ]
    for first in range(0, activities, PARALLEL):
        numbers = range(first, min(first + PARALLEL, activities))
        events.append(HistoryEvent(-1, at, "workflowStarted"))
        events.extend(
            HistoryEvent(
                n, at, "taskScheduled", name=f"ship_{n}", payload='{"order_id": "ORDER-7"}'
            )
            for n in numbers
        )
        at += timedelta(seconds=SECONDS)
        events.extend(_answer(n, at, failure if n == activities - 1 else None) for n in numbers)
    end = HistoryEvent(-1, at, "executionCompleted", status=Status.FAILED, failure=failure)
    return (*events, end)


def _answer(number: int, at: datetime, failure: Failure | None) -> HistoryEvent:
    if failure:
        return HistoryEvent(-1, at, "taskFailed", answers=number, failure=failure)
    return HistoryEvent(-1, at, "taskCompleted", answers=number, payload='"shipped"')

"""Snapshots of made-up and of recorded instances, and the runs of an id in a ledger."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.model import Instance, Status
from operations.records import RunDetails, RunSummary, Snapshot
from operations.timeline import Ending, Span, SpanKind, Timeline, timeline_of
from tests.unit.histories import recorded, recorded_state

NOON = datetime(2026, 1, 11, 12, 0, 0, tzinfo=UTC)
APP = "orders"
ID = "order_A"


def at(seconds: float) -> datetime:
    """Return the time so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def snapshot(
    status: Status = Status.RUNNING,
    *,
    read: float = 1,
    created: float | None = 0,
    execution: str | None = "e1",
    **values: Any,
) -> Snapshot:
    """Return a snapshot of the order; all times are in seconds after noon.

    `values` are further fields of the snapshot, its instance or its timeline.
    """
    created_at = None if created is None else at(created)
    last = None if created is None else at(max(created, read))
    values = {
        "instance_id": ID,
        "workflow": "order_workflow",
        "status": status,
        "created_at": created_at,
        "last_updated_at": last,
        "execution_id": execution,
        "started_at": created_at,
        "ended_at": last if status.is_finished else None,
        "read_at": at(read),
        **values,
    }
    parts = {"instance": _build(Instance, values), "timeline": _build(Timeline, values)}
    return Snapshot(**{"app_id": APP, **parts, **_fields_of(Snapshot, values)})


def pending(*, read: float = 1, **more: Any) -> Snapshot:
    """Return a snapshot of a pending instance: Dapr reports only the status."""
    values = {"execution": None, "created": None, "workflow": "", **more}
    return snapshot(Status.PENDING, read=read, **values)


def state_only(status: Status, *, read: float = 1, created: float = 0) -> Snapshot:
    """Return a snapshot without the history, as it is read after an action."""
    return replace(snapshot(status, read=read, created=created), timeline=Timeline())


def done(*, execution: str = "e1", created: float = 0, read: float = 9, **more: Any) -> Snapshot:
    """Return the last snapshot of a completed instance, with its history."""
    history = (
        HistoryEvent(-1, at(created + 0.1), "workflowStarted"),
        HistoryEvent(-1, at(created), "executionStarted", execution_id=execution),
    )
    values = {"history": history, "output": '"done"', **more}
    return snapshot(Status.COMPLETED, execution=execution, created=created, read=read, **values)


def recorded_snapshot(name: str, *, read: float = 0) -> Snapshot:
    """Return the snapshot of a recorded instance."""
    history = recorded(name)
    return Snapshot(APP, recorded_state(name), timeline_of(history), at(read), history)


def activity(event_id: int, start: float, end: float | None = None, **more: Any) -> Span:
    """Return the span of an activity; times are in seconds after noon."""
    values = {"name": "charge", "lane": event_id, **more}
    if end is not None:
        values = {"ended_at": at(end), "ending": Ending.COMPLETED, **values}
    return Span(SpanKind.ACTIVITY, event_id=event_id, scheduled_at=at(start), **values)


def summary(ledger: Ledger, instance_id: str = ID) -> RunSummary:
    """Return the latest run of an id, which must have one."""
    found = ledger.runs.latest(instance_id)
    assert found
    return found


def details_of(ledger: Ledger, run: RunSummary) -> RunDetails:
    """Return the details of a run, which must be in the ledger."""
    found = ledger.runs.details(run.run_id)
    assert found
    return found


def runs_of(ledger: Ledger, instance_id: str = ID) -> tuple[RunSummary, ...]:
    """Return the runs of an id, the latest first, and check that they are linked both ways."""
    found: list[RunSummary] = []
    run = ledger.runs.latest(instance_id)
    while run:
        earlier, later = ledger.runs.adjacent_runs(run)
        assert later == (found[-1] if found else None)
        found.append(run)
        run = earlier
    return tuple(found)


def statuses(ledger: Ledger, instance_id: str = ID) -> list[Status]:
    """Return the statuses of an id's runs, the latest first."""
    return [run.status for run in runs_of(ledger, instance_id)]


def _build(kind: type, values: dict[str, Any]) -> Any:
    return kind(**_fields_of(kind, values))


def _fields_of(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    return {field.name: values[field.name] for field in fields(kind) if field.name in values}

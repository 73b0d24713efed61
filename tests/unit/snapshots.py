"""Snapshots as the recorder makes them, of instances that are made up or were recorded."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from operations.history import HistoryEvent
from operations.ledger import Ledger
from operations.model import Instance, Status
from operations.records import RunSummary, Snapshot
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
    seen: float = 1,
    created: float | None = 0,
    execution: str | None = "e1",
    **told: Any,
) -> Snapshot:
    """Return a snapshot of the order, in seconds after noon.

    `told` is what else it tells, of the instance, of its timeline, or of both.
    """
    began = None if created is None else at(created)
    last = None if created is None else at(max(created, seen))
    told = {
        "instance_id": ID,
        "workflow": "order_workflow",
        "status": status,
        "created_at": began,
        "last_updated_at": last,
        "execution_id": execution,
        "started_at": began,
        "ended_at": last if status.is_finished else None,
        "read_at": at(seen),
        **told,
    }
    parts = {"instance": _made(Instance, told), "timeline": _made(Timeline, told)}
    return Snapshot(**{"app_id": APP, **parts, **_only(Snapshot, told)})


def pending(*, seen: float = 1, **more: Any) -> Snapshot:
    """Return a snapshot of a pending instance, of which Dapr tells nothing."""
    told = {"execution": None, "created": None, "workflow": "", **more}
    return snapshot(Status.PENDING, seen=seen, **told)


def glance(status: Status, *, seen: float = 1, created: float = 0) -> Snapshot:
    """Return a snapshot without the history, as after an action."""
    return replace(snapshot(status, seen=seen, created=created), timeline=Timeline())


def done(*, execution: str = "e1", created: float = 0, seen: float = 9, **more: Any) -> Snapshot:
    """Return the last snapshot of an instance, with the history of one that a caller started."""
    history = (
        HistoryEvent(-1, at(created + 0.1), "workflowStarted"),
        HistoryEvent(-1, at(created), "executionStarted", execution_id=execution),
    )
    told = {"history": history, "output": '"done"', **more}
    return snapshot(Status.COMPLETED, execution=execution, created=created, seen=seen, **told)


def of_record(name: str, *, seen: float = 0) -> Snapshot:
    """Return a snapshot of an instance that was recorded."""
    history = recorded(name)
    return Snapshot(APP, recorded_state(name), timeline_of(history), at(seen), history)


def activity(event_id: int, start: float, end: float | None = None, **more: Any) -> Span:
    """Return an activity's span."""
    told = {"name": "charge", "lane": event_id, **more}
    if end is not None:
        told = {"ended_at": at(end), "ending": Ending.COMPLETED, **told}
    return Span(SpanKind.ACTIVITY, event_id=event_id, scheduled_at=at(start), **told)


def summary(ledger: Ledger, instance_id: str = ID) -> RunSummary:
    """Return the latest life of an id, which there is."""
    found = ledger.runs.latest(instance_id)
    assert found
    return found


def runs_of(ledger: Ledger, instance_id: str = ID) -> tuple[RunSummary, ...]:
    """Return the lives of an id, the latest first, as one comes from each to the one before it."""
    found: list[RunSummary] = []
    run = ledger.runs.latest(instance_id)
    while run:
        earlier, later = ledger.runs.adjacent_runs(run)
        assert later == (found[-1] if found else None)
        found.append(run)
        run = earlier
    return tuple(found)


def statuses(ledger: Ledger, instance_id: str = ID) -> list[Status]:
    """Return the statuses of an id's lives, the latest first."""
    return [run.status for run in runs_of(ledger, instance_id)]


def _made(kind: type, told: dict[str, Any]) -> Any:
    return kind(**_only(kind, told))


def _only(kind: type, told: dict[str, Any]) -> dict[str, Any]:
    return {field.name: told[field.name] for field in fields(kind) if field.name in told}

"""The bodies of histories and of rerun plans."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.failures import FailureSchema, failure_body
from operations.history import HistoryEvent
from operations.history_source import History, Source
from operations.run_document import event_fields
from operations.timeline.rerun_plan import RerunPlan

_EVENT: dict[str, Any] = {
    "event_id": 1,
    "timestamp": "2026-01-11T12:00:00.100000Z",
    "kind": "taskScheduled",
    "name": "process_order",
    "task_execution_id": "6f1f3a",
    "payload": {"order_id": "ORDER001", "amount": 99.99, "items": ["laptop", "mouse"]},
}


class HistoryEventSchema(BaseModel):
    """One event; fields without a value are left out."""

    model_config = ConfigDict(json_schema_extra={"example": _EVENT})

    event_id: int
    timestamp: datetime = Field(
        description="Dapr gives no time to an event that a workflow carried over as it continued "
        "as new; it has the time of the event before it."
    )
    kind: str = Field(
        description="Dapr's name of the kind; the field number if Flowdeck does not know it."
    )
    name: str | None = None
    answers: int | None = Field(None, description="The id of the event that this one completes.")
    task_execution_id: str | None = None
    payload: Any = Field(
        None,
        description="The input or output as it was written; a string if it is not JSON. For an "
        "unknown kind, the event's fields by their numbers, as text.",
    )
    failure: FailureSchema | None = None
    fire_at: datetime | None = None
    origin: str | None = None
    instance_id: str | None = None
    app_id: str | None = Field(
        None, description="The application of a called activity or child, if it is another one."
    )
    version: str | None = Field(None, description="The workflow's version, of a turn or a start.")
    patches: list[str] | None = Field(None, description="The patches that a turn applied.")
    execution_id: str | None = None
    status: str | None = None
    rerun_of: str | None = None
    trace_id: str | None = Field(None, description="The trace of a start, if it was sampled.")
    raw: str | None = Field(
        None, description="An event of an unknown kind: its protobuf message in base64."
    )


class HistoryResponse(BaseModel):
    """The whole history, in the order of processing."""

    instance_id: str = Field(examples=["order_ORDER001"])
    source: Source = Field(
        description="The engine, or the ledger's archive if the engine cannot answer."
    )
    events: list[HistoryEventSchema]


class CallSchema(BaseModel):
    """The event of a call (an activity, a timer or a child), or an external event."""

    event_id: int = Field(examples=[3])
    kind: str = Field(examples=["taskScheduled"])
    name: str | None = Field(examples=["send_confirmation"])


class RerunPlanResponse(BaseModel):
    """What a rerun from an event would do; nothing is changed.

    Calls in `kept` keep their results, calls in `again` are scheduled at once, and calls in `later`
    are made if the workflow reaches them. The external events in `raised_before` are kept, and
    those in `raised_after` are lost.
    """

    instance_id: str = Field(examples=["order_ORDER001"])
    event_id: int = Field(examples=[3])
    takes_input: bool = Field(description="Whether the event's input can be changed.")
    kept: list[CallSchema]
    again: list[CallSchema]
    later: list[CallSchema]
    raised_before: list[CallSchema]
    raised_after: list[CallSchema]


def history_body(history: History, *, full: bool = False) -> dict[str, Any]:
    """Return the body for a history; `full` returns failures of any length."""
    return {
        "instance_id": history.instance_id,
        "source": history.source,
        "events": [_event(event, full=full) for event in history.events],
    }


def rerun_plan_body(instance_id: str, plan: RerunPlan) -> dict[str, Any]:
    """Return the body for a rerun plan."""
    groups = ("kept", "again", "later", "raised_before", "raised_after")
    return {
        "instance_id": instance_id,
        "event_id": plan.event.event_id,
        "takes_input": plan.takes_input,
        **{group: _calls(getattr(plan, group)) for group in groups},
    }


def _calls(events: Sequence[HistoryEvent]) -> list[dict[str, Any]]:
    return [{name: getattr(e, name) for name in ("event_id", "kind", "name")} for e in events]


def _event(event: HistoryEvent, *, full: bool) -> dict[str, Any]:
    failure = {"failure": failure_body(event.failure, full=full)} if event.failure else {}
    return event_fields(event) | failure

"""The bodies that tell a history, and what a rerun makes of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from operations.history import HistoryEvent
from operations.history_source import History, Source
from operations.model import Failure, parse_payload
from operations.timeline.rerun_plan import RerunPlan
from worker.answers import Answer, FailureAnswer, zulu

_EVENT: dict[str, Any] = {
    "event_id": 1,
    "timestamp": "2026-01-11T12:00:00.100000Z",
    "kind": "taskScheduled",
    "name": "process_order",
    "task_execution_id": "6f1f3a",
    "payload": {"order_id": "ORDER001", "amount": 99.99, "items": ["laptop", "mouse"]},
}


class EventAnswer(Answer):
    """One event; what it does not have is left out."""

    model_config = ConfigDict(json_schema_extra={"example": _EVENT})

    event_id: int
    timestamp: datetime
    kind: str = Field(
        description="As Dapr names it; of one that is not known, the number of its field."
    )
    name: str | None = None
    answers: int | None = Field(None, description="The event to which this one is the answer.")
    task_execution_id: str | None = None
    payload: Any = Field(
        None,
        description="What goes in or comes out; of a kind that is not known, the event's fields "
        "by their numbers, as text.",
    )
    failure: FailureAnswer | None = None
    fire_at: datetime | None = None
    origin: str | None = None
    instance_id: str | None = None
    execution_id: str | None = None
    status: str | None = None
    rerun_of: str | None = None
    raw: str | None = Field(
        None, description="An event of a kind that is not known as it came: protobuf, in base64."
    )


class HistoryAnswer(Answer):
    """The whole history, in the order of processing."""

    instance_id: str = Field(examples=["order_ORDER001"])
    source: Source = Field(description="The engine, or the ledger's archive once it is purged.")
    events: list[EventAnswer]


class StepAnswer(BaseModel):
    """An event that schedules something, or an external event that came."""

    event_id: int = Field(examples=[3])
    kind: str = Field(examples=["taskScheduled"])
    name: str | None = Field(examples=["send_confirmation"])


class PlanAnswer(Answer):
    """What comes of a rerun from an event; nothing has been done.

    `kept` stays with its results, `again` is scheduled at once, and to `later` the workflow comes
    by itself, if it does. Of the external events `raised_before` stay, and `raised_after` are lost.
    """

    instance_id: str = Field(examples=["order_ORDER001"])
    event_id: int = Field(examples=[3])
    takes_input: bool = Field(description="Whether the event's input can be changed.")
    kept: list[StepAnswer]
    again: list[StepAnswer]
    later: list[StepAnswer]
    raised_before: list[StepAnswer]
    raised_after: list[StepAnswer]


def history_answer(history: History) -> dict[str, Any]:
    """Return the body for a history."""
    return {
        "instance_id": history.instance_id,
        "source": history.source,
        "events": [_event(event) for event in history.events],
    }


def plan_answer(instance_id: str, plan: RerunPlan) -> dict[str, Any]:
    """Return the body for what a rerun would do."""
    parts = ("kept", "again", "later", "raised_before", "raised_after")
    return {
        "instance_id": instance_id,
        "event_id": plan.event.event_id,
        "takes_input": plan.takes_input,
        **{part: _steps(getattr(plan, part)) for part in parts},
    }


def _steps(events: Sequence[HistoryEvent]) -> list[dict[str, Any]]:
    return [{name: getattr(e, name) for name in ("event_id", "kind", "name")} for e in events]


def _event(event: HistoryEvent) -> dict[str, Any]:
    told = {name: value for name, value in vars(event).items() if value is not None}
    return {
        name: parse_payload(value) if name == "payload" else _plain(value)
        for name, value in told.items()
    }


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return zulu(value)
    return vars(value) if isinstance(value, Failure) else value

"""Dapr's history events as the one record of ours."""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from operations.gateway.conversions import failure_of, status_of, utc
from operations.gateway.stubs import pb
from operations.gateway.unknown_events import readable, unknown_numbers
from operations.history import HistoryEvent, TimerOrigin
from operations.model import Failure, Status

_Step = tuple[str, bool]  # a field's name, and whether it may be absent
_ORIGINS = {str(origin): origin for origin in TimerOrigin}


def event_of(event: pb.HistoryEvent) -> HistoryEvent:
    """Return an event, also one of a kind that Dapr has and the SDK does not know.

    The payload of such a one is what it holds, by the numbers of its fields; `raw` is all of it.
    """
    kind = event.WhichOneof("eventType")
    if kind is None:
        return _of_later_dapr(event)
    body: Message = getattr(event, kind)
    payload = _found(body, "input", "result")
    due = _found(body, "fireAt", "scheduledStartTimestamp")
    return HistoryEvent(
        event_id=event.eventId,
        timestamp=utc(event.timestamp),
        kind=kind,
        name=_found(body, "externalEvent.name", "name"),
        answers=_found(body, "taskScheduledId", "timerId"),
        task_execution_id=_found(body, "taskExecutionId", "activityRetry.taskExecutionId"),
        payload=payload and payload.value,
        failure=_failure(body),
        fire_at=utc(due) if due else None,
        origin=_origin(body),
        instance_id=_found(
            body,
            "instanceId",
            "parentInstance.workflowInstance.instanceId",
            "childWorkflowRetry.instanceId",
        ),
        parent_app_id=_found(body, "parentInstance.appID"),
        execution_id=_found(body, "workflowInstance.executionId.value"),
        status=_status(body),
        rerun_of=_found(body, "rerunParentInstanceInfo.instanceID"),
    )


def _of_later_dapr(event: pb.HistoryEvent) -> HistoryEvent:
    numbers = unknown_numbers(event)
    fields = f"field{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
    return HistoryEvent(
        event_id=event.eventId,
        timestamp=utc(event.timestamp),
        kind=f"unknown kind ({fields})" if numbers else "unknown kind",
        payload=readable(event) or None,
        raw=b64encode(event.SerializeToString()).decode(),
    )


def _found(message: Message, *paths: str) -> Any:  # noqa: ANN401 - whatever the field holds
    """Return the first of these fields, or fields of fields, that is there and not empty."""
    for steps in _possible(message.DESCRIPTOR, paths):
        value = _at(message, steps)
        if value is not None and value != "":
            return value
    return None


@cache
def _possible(message: Descriptor, paths: tuple[str, ...]) -> tuple[tuple[_Step, ...], ...]:
    """Return those of the paths that a kind of message may have: few, and asked for very often."""
    return tuple(steps for path in paths if (steps := _steps(message, path.split("."))))


def _steps(message: Descriptor, names: Sequence[str]) -> tuple[_Step, ...] | None:
    first, *others = names
    field = message.fields_by_name.get(first)
    if field is None or not others:
        return ((first, field.has_presence),) if field else None
    then = _steps(field.message_type, others) if field.message_type else None
    return ((first, field.has_presence), *then) if then else None


def _at(message: Message, steps: tuple[_Step, ...]) -> Any:  # noqa: ANN401
    value: Any = message
    for name, has_presence in steps:
        if has_presence and not value.HasField(name):
            return None
        value = getattr(value, name)
    return value


def _failure(body: Message) -> Failure | None:
    if isinstance(body, pb.ExecutionStalledEvent):
        reasons = pb.StalledReason.DESCRIPTOR.values_by_number
        reason = reasons[body.reason].name if body.reason in reasons else "UNKNOWN"
        return Failure(reason, body.description)
    details = _found(body, "failureDetails")
    return failure_of(details) if details else None


def _origin(body: Message) -> TimerOrigin | None:
    origin = body.WhichOneof("origin") if isinstance(body, pb.TimerCreatedEvent) else None
    return _ORIGINS.get(origin or "")


def _status(body: Message) -> Status | None:
    if isinstance(body, pb.ExecutionCompletedEvent):
        return status_of(body.workflowStatus)
    return None

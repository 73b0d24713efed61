"""Converts Dapr's history events into `HistoryEvent` records."""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from operations.gateway.conversions import EPOCH, to_failure, to_status, to_utc
from operations.gateway.stubs import pb
from operations.history import HistoryEvent, TimerOrigin
from operations.model import Failure, Status

MAX_DESCRIBED = 64 * 1024  # bytes of an unknown event that are described field by field

_Step = tuple[str, bool]  # a field's name, and whether the field may be absent
_CALLS = frozenset({"taskScheduled", "childWorkflowInstanceCreated"})
_TRACE_PARENT = re.compile("[0-9a-f]{2}-([0-9a-f]{32})-")  # the start of W3C's `traceparent`
_ORIGINS = {str(origin): origin for origin in TimerOrigin}


def to_history(events: Iterable[pb.HistoryEvent]) -> tuple[HistoryEvent, ...]:
    """Return the records of a whole history, in its order; each event has a time.

    An event that a workflow carried over as it continued as new has no time in Dapr. Dapr hands it
    to the new generation with the start, so it gets the time of the event before it.
    """
    history = [to_history_event(event) for event in events]
    at = next((event.timestamp for event in history if event.timestamp > EPOCH), EPOCH)
    for number, event in enumerate(history):
        if event.timestamp > EPOCH:
            at = event.timestamp
        else:
            history[number] = replace(event, timestamp=at)
    return tuple(history)


def to_history_event(event: pb.HistoryEvent) -> HistoryEvent:
    """Return the record of an event; the installed SDK may not know its kind."""
    kind = event.WhichOneof("eventType")
    if kind is None:
        return _unknown_event(event)
    body: Message = getattr(event, kind)
    payload = _first_set(body, "input", "result")
    due = _first_set(body, "fireAt", "scheduledStartTimestamp")
    return HistoryEvent(
        event_id=event.eventId,
        timestamp=to_utc(event.timestamp),
        kind=kind,
        name=_first_set(body, "externalEvent.name", "name"),
        answers=_first_set(body, "taskScheduledId", "timerId"),
        task_execution_id=_first_set(body, "taskExecutionId", "activityRetry.taskExecutionId"),
        payload=payload and payload.value,
        failure=_failure(body),
        fire_at=to_utc(due) if due else None,
        origin=_origin(body),
        instance_id=_first_set(
            body,
            "instanceId",
            "parentInstance.workflowInstance.instanceId",
            "childWorkflowRetry.instanceId",
        ),
        app_id=_called_app_id(event),
        version=_first_set(body, "version.name", "version.value"),
        patches=tuple(_first_set(body, "version.patches") or ()) or None,
        parent_app_id=_first_set(body, "parentInstance.appID"),
        execution_id=_first_set(body, "workflowInstance.executionId.value"),
        status=_status(body),
        rerun_of=_first_set(body, "rerunParentInstanceInfo.instanceID"),
        trace_id=_trace_id(body),
    )


def _called_app_id(event: pb.HistoryEvent) -> str | None:
    """Return the application that an activity or a child was called in, None if it is the same."""
    is_call = event.WhichOneof("eventType") in _CALLS
    target = event.router.targetAppID
    return target if is_call and target and target != event.router.sourceAppID else None


def _unknown_event(event: pb.HistoryEvent) -> HistoryEvent:
    """Return an event of a later Dapr: `payload` has its fields by number, `raw` all its bytes."""
    fields = UnknownFieldSet(event)
    numbers = sorted({fields[index].field_number for index in range(len(fields))})
    named = f"field{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
    return HistoryEvent(
        event_id=event.eventId,
        timestamp=to_utc(event.timestamp),
        kind=f"unknown kind ({named})" if numbers else "unknown kind",
        payload=_described(event) or None,
        raw=b64encode(event.SerializeToString()).decode(),
    )


def _described(event: pb.HistoryEvent) -> str:
    """Return the unknown fields in protobuf's text format, or only their size if they are large."""
    if event.ByteSize() > MAX_DESCRIBED:
        return f"{event.ByteSize():,} bytes"
    body = pb.HistoryEvent.FromString(event.SerializeToString())
    body.ClearField("eventId")
    body.ClearField("timestamp")
    return text_format.MessageToString(body, as_utf8=True, print_unknown_fields=True).strip()


def _first_set(message: Message, *paths: str) -> Any:  # noqa: ANN401 - a field of any type
    """Return the value of the first path, such as `a.b.c`, that is present and not empty."""
    for steps in _existing(message.DESCRIPTOR, paths):
        value = _value_at(message, steps)
        if value is not None and value != "":
            return value
    return None


@cache
def _existing(message: Descriptor, paths: tuple[str, ...]) -> tuple[tuple[_Step, ...], ...]:
    """Return the paths that a type of message has; cached, because every event needs them."""
    return tuple(steps for path in paths if (steps := _steps(message, path.split("."))))


def _steps(message: Descriptor, names: Sequence[str]) -> tuple[_Step, ...] | None:
    first, *others = names
    field = message.fields_by_name.get(first)
    if field is None or not others:
        return ((first, field.has_presence),) if field else None
    rest = _steps(field.message_type, others) if field.message_type else None
    return ((first, field.has_presence), *rest) if rest else None


def _value_at(message: Message, steps: tuple[_Step, ...]) -> Any:  # noqa: ANN401
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
    details = _first_set(body, "failureDetails")
    return to_failure(details) if details else None


def _origin(body: Message) -> TimerOrigin | None:
    origin = body.WhichOneof("origin") if isinstance(body, pb.TimerCreatedEvent) else None
    return _ORIGINS.get(origin or "")


def _trace_id(body: Message) -> str | None:
    """Return the id of the trace of a start, None if the engine did not sample the trace."""
    if not isinstance(body, pb.ExecutionStartedEvent):
        return None
    found = _TRACE_PARENT.match(_first_set(body, "parentTraceContext.traceParent") or "")
    return found[1] if found else None


def _status(body: Message) -> Status | None:
    if isinstance(body, pb.ExecutionCompletedEvent):
        return to_status(body.workflowStatus)
    return None

"""Converts Dapr's messages about an instance into Flowdeck's records."""

from collections.abc import Iterator
from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from operations.gateway.stubs import pb
from operations.model import Failure, Instance, Status

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Dapr has not set a time that is this one or earlier."""
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def to_instance(instance_id: str, state: pb.WorkflowState) -> Instance:
    """Return the instance that a state message describes."""
    return Instance(
        instance_id=instance_id,
        workflow=state.name,
        status=to_status(state.workflowStatus),
        created_at=_to_time(state.createdTimestamp),
        last_updated_at=_to_time(state.lastUpdatedTimestamp),
        input=_optional_text(state, "input"),
        output=_optional_text(state, "output"),
        custom_status=_optional_text(state, "customStatus"),
        failure=to_failure(state.failureDetails) if state.HasField("failureDetails") else None,
    )


def to_status(number: "pb.OrchestrationStatus.ValueType") -> Status:
    """Return the status, UNKNOWN for a number of a later version of Dapr."""
    known = pb.OrchestrationStatus.values()
    name = pb.OrchestrationStatus.Name(number) if number in known else ""
    name = name.removeprefix("ORCHESTRATION_STATUS_")
    return Status(name) if name in Status.__members__ else Status.UNKNOWN


def to_utc(stamp: Timestamp) -> datetime:
    """Return an aware UTC time, clamped to the years 1 to 9999 that Python supports."""
    try:
        return stamp.ToDatetime(UTC)
    except ValueError:
        return _LATEST if stamp.seconds > 0 else _EARLIEST


def to_failure(details: pb.TaskFailureDetails) -> Failure:
    """Return a failure; its stack trace ends with the failures that caused it."""
    stack_trace = "\n".join(_stack_traces(details)) or None
    return Failure(details.errorType, details.errorMessage, stack_trace)


def _stack_traces(details: pb.TaskFailureDetails) -> Iterator[str]:
    if details.HasField("stackTrace"):
        yield details.stackTrace.value
    while details.HasField("innerFailure"):
        details = details.innerFailure
        yield f"Caused by {details.errorType}: {details.errorMessage}"
        if details.HasField("stackTrace"):
            yield details.stackTrace.value


def _optional_text(message: Message, field: str) -> str | None:
    """Return the text in a wrapper field, None if the field is absent; a text may be empty."""
    return str(getattr(message, field).value) if message.HasField(field) else None


def _to_time(stamp: Timestamp) -> datetime | None:
    """Return a UTC time, None for the year 1, which Dapr reports for a start in the future."""
    time = to_utc(stamp)
    return time if time > EPOCH else None

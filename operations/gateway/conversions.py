"""Dapr's messages about an instance as the records of ours."""

from collections.abc import Iterator
from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from operations.gateway.stubs import pb
from operations.model import Failure, Instance, Status

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def instance_of(instance_id: str, state: pb.WorkflowState) -> Instance:
    """Return an instance as it was read."""
    return Instance(
        instance_id=instance_id,
        workflow=state.name,
        status=status_of(state.workflowStatus),
        created_at=_time(state.createdTimestamp),
        last_updated_at=_time(state.lastUpdatedTimestamp),
        input=text_of(state, "input"),
        output=text_of(state, "output"),
        custom_status=text_of(state, "customStatus"),
        failure=failure_of(state.failureDetails) if state.HasField("failureDetails") else None,
    )


def status_of(number: "pb.OrchestrationStatus.ValueType") -> Status:
    """Return the status; one that a later Dapr adds is UNKNOWN until it has a name here."""
    known = pb.OrchestrationStatus.values()
    name = pb.OrchestrationStatus.Name(number) if number in known else ""
    name = name.removeprefix("ORCHESTRATION_STATUS_")
    return Status(name) if name in Status.__members__ else Status.UNKNOWN


def text_of(message: Message, field: str) -> str | None:
    """Return the text in a field that may be absent, which is not the same as empty."""
    return str(getattr(message, field).value) if message.HasField(field) else None


def utc(stamp: Timestamp) -> datetime:
    """Return an aware UTC time; one that Python cannot express is the last, or first, it can."""
    try:
        return stamp.ToDatetime(UTC)
    except ValueError:
        return _LAST if stamp.seconds > 0 else _FIRST


def failure_of(details: pb.TaskFailureDetails) -> Failure:
    """Return a failure; what caused it stands at the end of its trace."""
    trace = "\n".join(_trace(details)) or None
    return Failure(details.errorType, details.errorMessage, trace)


def _trace(details: pb.TaskFailureDetails) -> Iterator[str]:
    if details.HasField("stackTrace"):
        yield details.stackTrace.value
    while details.HasField("innerFailure"):
        details = details.innerFailure
        yield f"Caused by {details.errorType}: {details.errorMessage}"
        if details.HasField("stackTrace"):
            yield details.stackTrace.value


def _time(stamp: Timestamp) -> datetime | None:
    """Return the time; None for the year 1, which Dapr gives a start in the future."""
    time = utc(stamp)
    return time if time > _NEVER else None

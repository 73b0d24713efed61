"""The one door to Dapr: the port that the rest knows, and its Dapr implementation.

`DaprGateway` speaks to the sidecar through the SDK's own gRPC stub, because the SDK's client gives
a call no deadline and drops falsy payloads. The stub is private to the SDK: no other module may
import it.
"""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import grpc
from dapr.conf.helpers import GrpcEndpoint
from dapr.ext.workflow._durabletask.internal import orchestrator_service_pb2_grpc as stubs
from dapr.ext.workflow._durabletask.internal import protos as pb
from dapr.proto.runtime.v1 import dapr_pb2_grpc, jobs_pb2, metadata_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from operations.errors import (
    EngineRefused,
    EngineUnavailable,
    FlowdeckError,
    InstanceExists,
    InvalidInput,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.model import EngineHealth, Failure, HistoryEvent, Instance, Status


class Gateway(Protocol):
    """What Flowdeck asks of a workflow engine.

    Every method raises `EngineUnavailable` when the engine cannot be reached and `EngineRefused`
    for an answer that has no name here; the ones that change something raise `OutcomeUnknown` when
    no answer came in time. None blocks for longer than its deadline.
    """

    def start(self, workflow: str, instance_id: str, payload: str) -> None:
        """Start an instance with a JSON payload; `InstanceExists` if one with this id is running.

        A finished one with this id is erased: callers must know that there is none.
        """

    def state(self, instance_id: str) -> Instance | None:
        """Return the instance, or None if the engine has none with this id."""

    def history(self, instance_id: str) -> list[HistoryEvent]:
        """Return the instance's events in the order of processing; `UnknownInstance` if none."""

    def pause(self, instance_id: str) -> None:
        """Suspend the instance; `UnknownInstance` if there is none."""

    def resume(self, instance_id: str) -> None:
        """Resume the instance; `UnknownInstance` if there is none."""

    def terminate(self, instance_id: str) -> None:
        """Terminate the instance and its children; `UnknownInstance` if there is none."""

    def health(self) -> EngineHealth:
        """Return what the sidecar says of itself and of what it needs."""


_Answer = TypeVar("_Answer")

_CHANNEL = (
    ("grpc.max_receive_message_length", -1),
    # gRPC's own back-off grows to two minutes: an engine that is back must be found at once.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class DaprGateway:
    """The gateway to a Dapr sidecar.

    A call that reads, its retries included, and one that writes end after `read_timeout` and
    `write_timeout` seconds: short enough that an endpoint, which makes a few, answers within 5.
    Raises `InvalidInput` for an endpoint that is no address.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        api_token: str | None = None,
        read_timeout: float = 1.0,
        write_timeout: float = 2.0,
    ) -> None:
        self._channel = open_channel(endpoint)
        self._workflows = stubs.TaskHubSidecarServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._sidecar = dapr_pb2_grpc.DaprStub(self._channel)  # type: ignore[no-untyped-call]
        self._metadata = (("dapr-api-token", api_token),) if api_token else ()
        self._read_timeout = read_timeout
        self._write_timeout = write_timeout

    def close(self) -> None:
        """Close the connection; a call after this fails."""
        self._channel.close()

    def start(self, workflow: str, instance_id: str, payload: str) -> None:
        request = pb.CreateInstanceRequest(
            name=workflow,
            instanceId=instance_id,
            input=StringValue(value=payload),
            version=StringValue(value=""),
        )
        self._write(self._workflows.StartInstance, request, instance_id, "start")

    def state(self, instance_id: str) -> Instance | None:
        request = pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        try:
            answer = self._read(self._workflows.GetInstance, request, instance_id)
        except UnknownInstance:
            return None
        return _instance(instance_id, answer.workflowState) if answer.exists else None

    def history(self, instance_id: str) -> list[HistoryEvent]:
        request = pb.GetInstanceHistoryRequest(instanceId=instance_id)
        answer = self._read(self._workflows.GetInstanceHistory, request, instance_id)
        return [_event(event) for event in answer.events]

    def pause(self, instance_id: str) -> None:
        request = pb.SuspendRequest(instanceId=instance_id)
        self._write(self._workflows.SuspendInstance, request, instance_id, "pause")

    def resume(self, instance_id: str) -> None:
        request = pb.ResumeRequest(instanceId=instance_id)
        self._write(self._workflows.ResumeInstance, request, instance_id, "resume")

    def terminate(self, instance_id: str) -> None:
        request = pb.TerminateRequest(instanceId=instance_id, recursive=True)
        self._write(self._workflows.TerminateInstance, request, instance_id, "terminate")

    def health(self) -> EngineHealth:
        request = metadata_pb2.GetMetadataRequest()
        metadata = self._read(self._sidecar.GetMetadata, request, "")
        problems = (*_placement_problems(metadata), *self._scheduler_problems())
        return EngineHealth(version=metadata.runtime_version, problems=problems)

    def _scheduler_problems(self) -> tuple[str, ...]:
        """Have the sidecar ask its scheduler: its metadata goes on naming one that is dead.

        It asks for the jobs that the application scheduled itself, mostly none; workflows' timers
        are not among them. (To ask for one that does not exist is an error in daprd's log.)
        """
        request = jobs_pb2.ListJobsRequestAlpha1()
        try:
            self._sidecar.ListJobsAlpha1(
                request, timeout=self._read_timeout, metadata=self._metadata
            )
        except grpc.RpcError as error:
            if error.code() in _NOT_TOLD:
                return ()
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise _translated(error, "") from error
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                return ("the scheduler does not answer the sidecar",)
            return (f"the sidecar has no connection to the scheduler ({_words(error)})",)
        return ()

    def _read(self, call: Callable[..., _Answer], request: object, instance_id: str) -> _Answer:
        end = time.monotonic() + self._read_timeout
        try:
            for attempt in _while_passing():
                with attempt:
                    left = max(0.0, end - time.monotonic())
                    return call(request, timeout=left, metadata=self._metadata)
        except grpc.RpcError as error:
            raise _translated(error, instance_id) from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _write(
        self, call: Callable[..., Any], request: object, instance_id: str, name: str
    ) -> None:
        try:
            call(request, timeout=self._write_timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            if _may_have_acted(error):
                raise OutcomeUnknown(name, _words(error)) from error
            raise _translated(error, instance_id) from error


def open_channel(endpoint: str) -> grpc.Channel:
    """Open a connection that finds a sidecar soon after it is back; raises `InvalidInput`."""
    try:
        address = GrpcEndpoint(endpoint)
    except ValueError as error:
        raise InvalidInput(
            "DAPR_GRPC_ENDPOINT", endpoint, "host:port or host:port?tls=true"
        ) from error
    if address.tls:
        return grpc.secure_channel(address.endpoint, grpc.ssl_channel_credentials(), _CHANNEL)
    return grpc.insecure_channel(address.endpoint, _CHANNEL)


def _while_passing() -> Retrying:
    """Retry what passes by itself: a read can fail for a moment while its instance is written."""
    return Retrying(
        retry=retry_if_exception(_is_passing),
        stop=stop_after_attempt(5),
        wait=wait_exponential(multiplier=0.01, max=0.1),
        reraise=True,
    )


def _is_passing(error: BaseException) -> bool:
    return (
        isinstance(error, grpc.RpcError)
        and error.code() is grpc.StatusCode.UNKNOWN
        and "declared in metadata" in _details(error)
    )


_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_REFUSED = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.UNIMPLEMENTED,
)
_NOT_TOLD = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED)
"""The sidecar's owner lets nobody ask."""
_NOT_DONE = re.compile(r"no such instance exists|job name is invalid")
_NOT_SENT = re.compile(
    r"failed to connect to (all addresses|remote host)|errors resolving|dns resolution failed",
    re.IGNORECASE,
)


def _may_have_acted(error: grpc.RpcError) -> bool:
    """Whether a call that failed may have been carried out all the same.

    Dapr acts first and then waits for the effect, and any error of that wait is the call's.
    """
    details = _details(error)
    refused = error.code() in _REFUSED or _NOT_DONE.search(details)
    return not (refused or _NOT_SENT.search(details))


def _translated(error: grpc.RpcError, instance_id: str) -> FlowdeckError:
    code, details = error.code(), _details(error)
    if code in _UNREACHABLE:
        return EngineUnavailable(_words(error))
    if code is grpc.StatusCode.NOT_FOUND or "no such instance exists" in details:
        return UnknownInstance(instance_id)
    if code is grpc.StatusCode.ALREADY_EXISTS:
        return InstanceExists(instance_id, "by an instance that runs")
    return EngineRefused(f"The Dapr engine refused: {code.name}: {details}")


def _details(error: grpc.RpcError) -> str:
    return error.details() or ""


def _words(error: grpc.RpcError) -> str:
    """Return why the engine did not answer, in the words of the person who waits."""
    details = _details(error)
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "no answer in time"
    if _NOT_SENT.search(details):
        return "no sidecar accepts the connection"
    return details or "the connection was lost"


def _instance(instance_id: str, state: pb.WorkflowState) -> Instance:
    return Instance(
        instance_id=instance_id,
        workflow=state.name,
        status=_status(state.workflowStatus),
        created_at=_time(state.createdTimestamp),
        last_updated_at=_time(state.lastUpdatedTimestamp),
        input=_text(state, "input"),
        output=_text(state, "output"),
        custom_status=_text(state, "customStatus"),
        failure=_failure(state),
    )


def _status(number: "pb.OrchestrationStatus.ValueType") -> Status:
    """Return the status; one that a later Dapr adds is UNKNOWN until it has a name here."""
    known = pb.OrchestrationStatus.values()
    name = pb.OrchestrationStatus.Name(number) if number in known else ""
    name = name.removeprefix("ORCHESTRATION_STATUS_")
    return Status(name) if name in Status.__members__ else Status.UNKNOWN


def _text(message: Message, field: str) -> str | None:
    return str(getattr(message, field).value) if message.HasField(field) else None


def _failure(state: pb.WorkflowState) -> Failure | None:
    if not state.HasField("failureDetails"):
        return None
    details = state.failureDetails
    return Failure(details.errorType, details.errorMessage, _text(details, "stackTrace"))


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _time(stamp: Timestamp) -> datetime | None:
    """Return an aware UTC time; None for the year 1, which Dapr gives a start in the future."""
    time = stamp.ToDatetime(UTC)
    return time if time > _NEVER else None


def _event(event: pb.HistoryEvent) -> HistoryEvent:
    kind = event.WhichOneof("eventType") or "unknown"
    body = getattr(event, kind, None)
    return HistoryEvent(
        event_id=event.eventId,
        timestamp=event.timestamp.ToDatetime(UTC),
        kind=kind,
        name=getattr(body, "name", None) or None,
    )


def _placement_problems(answer: metadata_pb2.GetMetadataResponse) -> tuple[str, ...]:
    if answer.actor_runtime.placement != "placement: connected":
        return ("the sidecar has no connection to the placement service",)
    if not answer.actor_runtime.host_ready:
        return ("the sidecar is not ready to run workflows",)
    return ()

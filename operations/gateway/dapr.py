"""The gateway to a Dapr sidecar."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import grpc
from dapr.proto.runtime.v1 import dapr_pb2_grpc, jobs_pb2, metadata_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from operations.errors import OutcomeUnknown, UnknownInstance
from operations.gateway.application_guard import ApplicationGuard
from operations.gateway.channel import open_channel
from operations.gateway.conversions import to_instance
from operations.gateway.grpc_errors import (
    describe,
    may_have_acted,
    retry_transient,
    to_flowdeck_error,
)
from operations.gateway.history_events import to_history
from operations.gateway.port import HistorySize, IdPage
from operations.gateway.sidecar_health import (
    connected_workers,
    placement_problems,
    scheduler_problems,
)
from operations.gateway.stubs import pb, service
from operations.history import HistoryEvent
from operations.model import DaprHealth, Instance, Problem
from operations.settings import OperationsSettings

_Answer = TypeVar("_Answer")
# An unsampled trace context: without it daprd traces every read, and most calls are reads.
_UNTRACED = ("traceparent", f"00-{1:032x}-{1:016x}-00")
_READ_TIMEOUT = 1.0  # seconds


def open_gateway(
    settings: OperationsSettings, *, read_timeout: float = _READ_TIMEOUT
) -> "DaprGateway":
    """Return a gateway to the sidecar that the settings name; raise `InvalidInput`."""
    return DaprGateway(
        settings.endpoint,
        api_token=settings.api_token,
        is_companion=settings.companion,
        max_body_size=settings.max_body_size,
        only_app_id=settings.attached_app_id,
        read_timeout=read_timeout,
    )


class DaprGateway:
    """The gateway to a Dapr sidecar.

    Timeouts are in seconds. `read_timeout` covers a read with its retries, `write_timeout` a call
    that changes something, `history_timeout` the read of a history, which may be large. A REST
    endpoint makes a few calls and must answer within 5 seconds, so timeouts are short.
    A companion (`is_companion`) is a sidecar to which no worker and no scheduler ever connects.
    `max_body_size` is the sidecar's limit in bytes, if it is known.
    `only_app_id` is the only application whose sidecar is called. Reads check the application every
    `check_every` seconds, and each write checks it: see `ApplicationGuard`.
    Raise `InvalidInput` if `endpoint` is not an address.
    """

    def __init__(  # noqa: PLR0913 - callers name what they change
        self,
        endpoint: str,
        *,
        api_token: str | None = None,
        is_companion: bool = False,
        max_body_size: int | None = None,
        only_app_id: str | None = None,
        read_timeout: float = _READ_TIMEOUT,
        write_timeout: float = 2.0,
        history_timeout: float = 4.0,
        check_every: float = 1.0,
    ) -> None:
        self._channel = open_channel(endpoint)
        self._workflows = service.TaskHubSidecarServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._sidecar = dapr_pb2_grpc.DaprStub(self._channel)  # type: ignore[no-untyped-call]
        self._metadata = (("dapr-api-token", api_token),) if api_token else ()
        self._is_companion = is_companion
        self._read_timeout = read_timeout
        self._write_timeout = write_timeout
        self._history_timeout = history_timeout
        self._max_body_size = max_body_size
        self._guard = ApplicationGuard(endpoint, only_app_id, check_every)
        self._app_id: str | None = None

    def close(self) -> None:
        """Close the connection; later calls fail."""
        self._channel.close()

    @property
    def max_body_size(self) -> int | None:
        return self._max_body_size

    def app_id(self, *, fresh: bool = False) -> str:
        known = None if fresh else self._guard.app_id or self._app_id
        return known or self._sidecar_metadata().id

    def start(
        self,
        workflow: str,
        instance_id: str,
        payload: str,
        scheduled_for: datetime | None = None,
        timeout: float | None = None,
    ) -> None:
        request = pb.CreateInstanceRequest(
            name=workflow,
            instanceId=instance_id,
            input=StringValue(value=payload),
            version=StringValue(value=""),
            scheduledStartTimestamp=_timestamp(scheduled_for),
        )
        self._write(self._workflows.StartInstance, request, instance_id, "start", timeout)

    def state(self, instance_id: str) -> Instance | None:
        request = pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        try:
            answer = self._read(self._workflows.GetInstance, request, instance_id)
        except UnknownInstance:
            return None
        return to_instance(instance_id, answer.workflowState) if answer.exists else None

    def history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        return to_history(self._history_events(instance_id))

    def history_size(self, instance_id: str) -> HistorySize:
        events = self._history_events(instance_id)
        return HistorySize(
            sum(event.ByteSize() for event in events),
            sum(event.HasField("eventRaised") for event in events),
        )

    def _history_events(self, instance_id: str) -> Sequence[pb.HistoryEvent]:
        request = pb.GetInstanceHistoryRequest(instanceId=instance_id)
        call, timeout = self._workflows.GetInstanceHistory, self._history_timeout
        events: Sequence[pb.HistoryEvent] = self._read(call, request, instance_id, timeout).events
        return events

    def ids(self, page_size: int = 1000, token: str = "") -> IdPage:
        request = pb.ListInstanceIDsRequest(pageSize=page_size, continuationToken=token or None)
        answer = self._read(self._workflows.ListInstanceIDs, request)
        return IdPage(tuple(answer.instanceIds), answer.continuationToken or None)

    def pause(self, instance_id: str) -> None:
        request = pb.SuspendRequest(instanceId=instance_id)
        self._write(self._workflows.SuspendInstance, request, instance_id, "pause")

    def resume(self, instance_id: str) -> None:
        request = pb.ResumeRequest(instanceId=instance_id)
        self._write(self._workflows.ResumeInstance, request, instance_id, "resume")

    def terminate(self, instance_id: str) -> None:
        request = pb.TerminateRequest(instanceId=instance_id, recursive=True)
        self._write(self._workflows.TerminateInstance, request, instance_id, "terminate")

    def purge(
        self,
        instance_id: str,
        *,
        recursive: bool = True,
        force: bool = False,
        timeout: float | None = None,
    ) -> None:
        # A forced purge of a missing id crashes daprd 1.18.2 unless it is recursive.
        request = pb.PurgeInstancesRequest(
            instanceId=instance_id, recursive=recursive or force, force=force
        )
        self._write(self._workflows.PurgeInstances, request, instance_id, "purge", timeout)

    def rerun(self, source_id: str, event_id: int, new_id: str, payload: str | None = None) -> None:
        request = pb.RerunWorkflowFromEventRequest(
            sourceInstanceID=source_id,
            eventID=event_id,
            newInstanceID=new_id,
            input=_wrapped(payload),
            overwriteInput=payload is not None,
        )
        self._write(self._workflows.RerunWorkflowFromEvent, request, source_id, "rerun")

    def raise_event(self, instance_id: str, name: str, payload: str | None = None) -> None:
        request = pb.RaiseEventRequest(instanceId=instance_id, name=name, input=_wrapped(payload))
        self._write(self._workflows.RaiseEvent, request, instance_id, "raise")

    def health(self) -> DaprHealth:
        metadata = self._sidecar_metadata()
        workers = None if self._is_companion else connected_workers(metadata)
        scheduler = () if self._is_companion else self._scheduler_problems()
        problems = (*placement_problems(metadata), *scheduler)
        return DaprHealth(metadata.runtime_version, problems, workers)

    def _sidecar_metadata(self) -> metadata_pb2.GetMetadataResponse:
        """Return the sidecar's metadata, and remember the id of its application."""
        request = metadata_pb2.GetMetadataRequest()
        call, deadline = self._sidecar.GetMetadata, time.monotonic() + self._read_timeout
        metadata: metadata_pb2.GetMetadataResponse = self._call(call, request, "", deadline)
        self._guard.check(metadata.id)
        self._app_id = metadata.id
        return metadata

    def _scheduler_problems(self) -> tuple[Problem, ...]:
        """Return the problems of the scheduler, which the sidecar asks for a list of jobs.

        The sidecar's metadata still names a scheduler that has died, so only a call finds out.
        The list contains jobs that the application scheduled itself, mostly none, and no timers of
        workflows. (Reading a job that does not exist would log an error in daprd.)
        This call is traced on purpose, so that spans arrive even while no workflow runs.
        """
        request = jobs_pb2.ListJobsRequestAlpha1()
        try:
            self._sidecar.ListJobsAlpha1(
                request, timeout=self._read_timeout, metadata=self._metadata
            )
        except grpc.RpcError as error:
            return scheduler_problems(error)
        return ()

    def _read(
        self,
        call: Callable[..., _Answer],
        request: object,
        instance_id: str = "",
        timeout: float | None = None,
    ) -> _Answer:
        deadline = time.monotonic() + (timeout or self._read_timeout)
        if self._guard.is_due:
            self._sidecar_metadata()
        return self._call(call, request, instance_id, deadline)

    def _call(
        self, call: Callable[..., _Answer], request: object, instance_id: str, deadline: float
    ) -> _Answer:
        metadata = (*self._metadata, _UNTRACED)
        try:
            return retry_transient(
                lambda: call(request, timeout=_seconds_until(deadline), metadata=metadata)
            )
        except grpc.RpcError as error:
            self._guard.expire()
            raise to_flowdeck_error(error, instance_id) from error

    def _write(
        self,
        call: Callable[..., Any],
        request: object,
        instance_id: str,
        name: str,
        timeout: float | None = None,
    ) -> None:
        deadline = time.monotonic() + (timeout or self._write_timeout)
        self._guard.expire()
        if self._guard.is_due:
            self._sidecar_metadata()
        try:
            call(request, timeout=_seconds_until(deadline), metadata=self._metadata)
        except grpc.RpcError as error:
            if may_have_acted(error):
                raise OutcomeUnknown(name, describe(error)) from error
            raise to_flowdeck_error(error, instance_id) from error


def _seconds_until(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _wrapped(payload: str | None) -> StringValue | None:
    return None if payload is None else StringValue(value=payload)


def _timestamp(time: datetime | None) -> Timestamp | None:
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp

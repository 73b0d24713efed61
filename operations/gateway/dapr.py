"""The gateway to a Dapr sidecar."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import grpc
from dapr.proto.runtime.v1 import dapr_pb2_grpc, jobs_pb2, metadata_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from operations.errors import OutcomeUnknown, UnknownInstance
from operations.gateway.channel import open_channel
from operations.gateway.conversions import instance_of
from operations.gateway.grpc_errors import may_have_acted, patiently, translated, words
from operations.gateway.history_events import event_of
from operations.gateway.port import IdPage
from operations.gateway.sidecar_health import (
    connected_workers,
    placement_problems,
    scheduler_problems,
)
from operations.gateway.stubs import pb, service
from operations.history import HistoryEvent
from operations.model import DaprHealth, Instance, Problem

_Answer = TypeVar("_Answer")
# Reads are most of the calls, and no trace is wanted of them; without this daprd makes one of each.
_UNTRACED = ("traceparent", f"00-{1:032x}-{1:016x}-00")


class DaprGateway:
    """The gateway to a Dapr sidecar.

    A call that reads, its retries included, and one that writes end after `read_timeout` and
    `write_timeout` seconds: short enough that an endpoint, which makes a few, answers within 5.
    A history may be large: to read one may take `history_timeout` seconds. A purge has the patience
    of its caller.
    Raises `InvalidInput` for an endpoint that is no address.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        api_token: str | None = None,
        read_timeout: float = 1.0,
        write_timeout: float = 2.0,
        history_timeout: float = 4.0,
    ) -> None:
        self._channel = open_channel(endpoint)
        self._workflows = service.TaskHubSidecarServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._sidecar = dapr_pb2_grpc.DaprStub(self._channel)  # type: ignore[no-untyped-call]
        self._metadata = (("dapr-api-token", api_token),) if api_token else ()
        self._read_timeout = read_timeout
        self._write_timeout = write_timeout
        self._history_timeout = history_timeout
        self._app_id: str | None = None

    def close(self) -> None:
        """Close the connection; a call after this fails."""
        self._channel.close()

    def app_id(self) -> str:
        return self._app_id or self._sidecar_metadata().id

    def start(
        self,
        workflow: str,
        instance_id: str,
        payload: str,
        scheduled_for: datetime | None = None,
    ) -> None:
        request = pb.CreateInstanceRequest(
            name=workflow,
            instanceId=instance_id,
            input=StringValue(value=payload),
            version=StringValue(value=""),
            scheduledStartTimestamp=_stamp(scheduled_for),
        )
        self._write(self._workflows.StartInstance, request, instance_id, "start")

    def state(self, instance_id: str) -> Instance | None:
        request = pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        try:
            answer = self._read(self._workflows.GetInstance, request, instance_id)
        except UnknownInstance:
            return None
        return instance_of(instance_id, answer.workflowState) if answer.exists else None

    def history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        request = pb.GetInstanceHistoryRequest(instanceId=instance_id)
        call, patience = self._workflows.GetInstanceHistory, self._history_timeout
        answer = self._read(call, request, instance_id, patience)
        return tuple(event_of(event) for event in answer.events)

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
        patience: float | None = None,
    ) -> None:
        # By force, an instance that is not there brings daprd down, unless it looks for children.
        request = pb.PurgeInstancesRequest(
            instanceId=instance_id, recursive=recursive or force, force=force
        )
        self._write(self._workflows.PurgeInstances, request, instance_id, "purge", patience)

    def rerun(self, source_id: str, event_id: int, new_id: str, payload: str | None = None) -> None:
        request = pb.RerunWorkflowFromEventRequest(
            sourceInstanceID=source_id,
            eventID=event_id,
            newInstanceID=new_id,
            input=_text(payload),
            overwriteInput=payload is not None,
        )
        self._write(self._workflows.RerunWorkflowFromEvent, request, source_id, "rerun")

    def raise_event(self, instance_id: str, name: str, payload: str | None = None) -> None:
        request = pb.RaiseEventRequest(instanceId=instance_id, name=name, input=_text(payload))
        self._write(self._workflows.RaiseEvent, request, instance_id, "raise")

    def health(self) -> DaprHealth:
        metadata = self._sidecar_metadata()
        problems = (*placement_problems(metadata), *self._scheduler_problems())
        return DaprHealth(metadata.runtime_version, problems, connected_workers(metadata))

    def _sidecar_metadata(self) -> metadata_pb2.GetMetadataResponse:
        """Read the sidecar's metadata, and remember its application from it."""
        request = metadata_pb2.GetMetadataRequest()
        metadata: metadata_pb2.GetMetadataResponse = self._read(self._sidecar.GetMetadata, request)
        self._app_id = metadata.id
        return metadata

    def _scheduler_problems(self) -> tuple[Problem, ...]:
        """Have the sidecar ask its scheduler: its metadata goes on naming one that is dead.

        It asks for the jobs that the application scheduled itself, mostly none; workflows' timers
        are not among them. (To ask for one that does not exist is an error in daprd's log.)
        This one call is traced: where traces arrive, some do even while nothing happens.
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
        end = time.monotonic() + (timeout or self._read_timeout)
        metadata = (*self._metadata, _UNTRACED)
        try:
            return patiently(
                lambda: call(request, timeout=max(0.0, end - time.monotonic()), metadata=metadata)
            )
        except grpc.RpcError as error:
            raise translated(error, instance_id) from error

    def _write(
        self,
        call: Callable[..., Any],
        request: object,
        instance_id: str,
        name: str,
        timeout: float | None = None,
    ) -> None:
        try:
            call(request, timeout=timeout or self._write_timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            if may_have_acted(error):
                raise OutcomeUnknown(name, words(error)) from error
            raise translated(error, instance_id) from error


def _text(payload: str | None) -> StringValue | None:
    return None if payload is None else StringValue(value=payload)


def _stamp(time: datetime | None) -> Timestamp | None:
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp

"""Tests that name the private parts of Dapr's SDK that an update has moved.

The SDK does not promise to keep its private parts. After an update, the message of a failed test
names what is gone and what to do.
"""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import pytest
from dapr.proto.runtime.v1 import metadata_pb2

from operations.gateway.stubs import pb, service
from system.dapr.settings import PROJECT

STUBS = "operations/gateway/stubs.py"
SERVICE = "TaskHubSidecarService"
METHODS = {
    "StartInstance": "CreateInstanceRequest CreateInstanceResponse",
    "GetInstance": "GetInstanceRequest GetInstanceResponse",
    "GetInstanceHistory": "GetInstanceHistoryRequest GetInstanceHistoryResponse",
    "ListInstanceIDs": "ListInstanceIDsRequest ListInstanceIDsResponse",
    "SuspendInstance": "SuspendRequest SuspendResponse",
    "ResumeInstance": "ResumeRequest ResumeResponse",
    "TerminateInstance": "TerminateRequest TerminateResponse",
    "PurgeInstances": "PurgeInstancesRequest PurgeInstancesResponse",
    "RerunWorkflowFromEvent": "RerunWorkflowFromEventRequest RerunWorkflowFromEventResponse",
    "RaiseEvent": "RaiseEventRequest RaiseEventResponse",
}
"""The calls that the gateway makes, with the messages of request and response."""

MESSAGES = {
    "CreateInstanceRequest": "name instanceId input:StringValue version:StringValue"
    " scheduledStartTimestamp:Timestamp",
    "GetInstanceRequest": "instanceId getInputsAndOutputs",
    "GetInstanceResponse": "exists workflowState:WorkflowState",
    "WorkflowState": "name workflowStatus:OrchestrationStatus createdTimestamp:Timestamp"
    " lastUpdatedTimestamp:Timestamp input:StringValue output:StringValue customStatus:StringValue"
    " failureDetails:TaskFailureDetails",
    "TaskFailureDetails": "errorType errorMessage stackTrace:StringValue"
    " innerFailure:TaskFailureDetails",
    "GetInstanceHistoryRequest": "instanceId",
    "GetInstanceHistoryResponse": "events:HistoryEvent",
    "ListInstanceIDsRequest": "pageSize continuationToken",
    "ListInstanceIDsResponse": "instanceIds continuationToken",
    "SuspendRequest": "instanceId",
    "ResumeRequest": "instanceId",
    "TerminateRequest": "instanceId recursive",
    "PurgeInstancesRequest": "instanceId recursive force",
    "RerunWorkflowFromEventRequest": "sourceInstanceID eventID newInstanceID input:StringValue"
    " overwriteInput",
    "RaiseEventRequest": "instanceId name input:StringValue",
    "HistoryEvent": "eventId timestamp:Timestamp",
    "ExecutionStartedEvent": "name input:StringValue workflowInstance:WorkflowInstance"
    " parentInstance:ParentInstanceInfo scheduledStartTimestamp:Timestamp",
    "ExecutionCompletedEvent": "workflowStatus:OrchestrationStatus result:StringValue"
    " failureDetails:TaskFailureDetails",
    "ExecutionTerminatedEvent": "input:StringValue",
    "ExecutionSuspendedEvent": "input:StringValue",
    "ExecutionResumedEvent": "input:StringValue",
    "ExecutionStalledEvent": "reason:StalledReason description",
    "ContinueAsNewEvent": "input:StringValue",
    "TaskScheduledEvent": "name input:StringValue taskExecutionId"
    " rerunParentInstanceInfo:RerunParentInstanceInfo",
    "TaskCompletedEvent": "taskScheduledId taskExecutionId result:StringValue",
    "TaskFailedEvent": "taskScheduledId taskExecutionId failureDetails:TaskFailureDetails",
    "TimerCreatedEvent": "fireAt:Timestamp name rerunParentInstanceInfo:RerunParentInstanceInfo"
    " createTimer:TimerOriginCreateTimer externalEvent:TimerOriginExternalEvent"
    " activityRetry:TimerOriginActivityRetry childWorkflowRetry:TimerOriginChildWorkflowRetry",
    "TimerFiredEvent": "timerId fireAt:Timestamp",
    "TimerOriginExternalEvent": "name",
    "TimerOriginActivityRetry": "taskExecutionId",
    "TimerOriginChildWorkflowRetry": "instanceId",
    "EventRaisedEvent": "name input:StringValue",
    "EventSentEvent": "instanceId name input:StringValue",
    "ChildWorkflowInstanceCreatedEvent": "instanceId name input:StringValue"
    " rerunParentInstanceInfo:RerunParentInstanceInfo",
    "ChildWorkflowInstanceCompletedEvent": "taskScheduledId result:StringValue",
    "ChildWorkflowInstanceFailedEvent": "taskScheduledId failureDetails:TaskFailureDetails",
    "DetachedWorkflowInstanceCreatedEvent": "instanceId",
    "WorkflowInstance": "instanceId executionId:StringValue",
    "ParentInstanceInfo": "workflowInstance:WorkflowInstance",
    "RerunParentInstanceInfo": "instanceID",
}
"""The fields of private messages that the gateway uses, with their type if it is not plain."""

ONE_OF = {"HistoryEvent": "eventType", "TimerCreatedEvent": "origin"}
"""The oneofs that the gateway reads."""

METADATA = {
    "GetMetadataResponse": "runtime_version actor_runtime:ActorRuntime workflows:MetadataWorkflows",
    "ActorRuntime": "placement host_ready",
    "MetadataWorkflows": "connected_workers",
}
"""The fields of the SDK's public messages about the sidecar that the gateway uses."""


def remedy(what: str) -> str:
    """Return what to do about a name that the SDK no longer has."""
    return (
        f"dapr {version('dapr')} no longer has the {what}, which operations/gateway uses.\n"
        f"Find its new place in the SDK (dapr/ext/workflow/_durabletask/internal/*.pyi), adapt "
        f"{STUBS}, the modules that use it and the lists in this file; or install the last version "
        "of `dapr` that passes these tests."
    )


def fields(message: Any) -> set[str]:
    """Return the fields of a message, with the type of those that are not plain."""
    typed = {
        field.name: field.message_type or field.enum_type for field in message.DESCRIPTOR.fields
    }
    return {f"{name}:{kind.name}" if kind else name for name, kind in typed.items()}


def missing(module: Any, used: dict[str, str]) -> list[str]:
    """Return the messages and fields that the SDK no longer has."""
    messages = {name: getattr(module, name, None) for name in used}
    return [
        f"message {name} with the field {field}"
        for name, message in messages.items()
        for field in used[name].split()
        if message is None or field not in fields(message)
    ]


def test_the_sdk_still_has_the_private_messages() -> None:
    """Every field that the gateway uses exists and has its type."""
    found = missing(pb, MESSAGES)
    assert not found, remedy("; ".join(found))


def test_the_sdk_still_has_the_sidecars_metadata() -> None:
    """The fields that report the engine's health exist."""
    found = missing(metadata_pb2, METADATA)
    assert not found, remedy("; ".join(found))


@pytest.mark.parametrize(("message", "choice"), ONE_OF.items())
def test_the_sdk_still_has_the_choices(message: str, choice: str) -> None:
    """A oneof of this name has the kind of an event or the origin of a timer."""
    oneofs = getattr(pb, message).DESCRIPTOR.oneofs_by_name
    assert choice in oneofs, remedy(f"oneof {choice} in the message {message}")


@pytest.mark.parametrize(("method", "types"), METHODS.items())
def test_the_sdk_still_has_the_private_calls(method: str, types: str) -> None:
    """Every call is in the service and in its client, with the same messages."""
    services = pb.CreateInstanceRequest.DESCRIPTOR.file.services_by_name
    assert SERVICE in services, remedy(f"service {SERVICE}")
    call = services[SERVICE].methods_by_name.get(method)
    assert call, remedy(f"call {method} in the service {SERVICE}")
    assert f"{call.input_type.name} {call.output_type.name}" == types, remedy(
        f"call {method} with the messages {types}"
    )
    with grpc.insecure_channel("127.0.0.1:1") as channel:
        client = service.TaskHubSidecarServiceStub(channel)  # type: ignore[no-untyped-call]
    assert hasattr(client, method), remedy(f"call {method} in its client")


def test_the_lists_have_every_message_that_is_used() -> None:
    """A message that the gateway starts to use needs a row above."""
    files = (PROJECT / STUBS).parent.glob("*.py")
    names = {name for file in files for name in re.findall(r"\bpb\.(\w+)", file.read_text())}
    used = {name for name in names if isinstance(getattr(pb, name, None), type)}
    assert used
    assert used <= MESSAGES.keys()


def test_one_module_imports_the_sdks_private_parts() -> None:
    """All other modules, and the tests, use that module, so an update changes one file.

    The correction of the worker's SDK replaces private functions, which its test compares.
    """
    ours = [file.relative_to(PROJECT) for file in PROJECT.glob("[!.]*/**/*.py")]
    found = {file.as_posix() for file in ours if "_durabletask" in (PROJECT / file).read_text()}
    here = Path(__file__).relative_to(PROJECT).as_posix()
    correction = {"worker/sdk_correction.py", "tests/unit/test_sdk_correction.py"}
    assert found - {here} - correction == {STUBS}, f"Take the SDK's private parts from {STUBS}."

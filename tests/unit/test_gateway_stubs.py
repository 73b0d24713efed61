"""An update of Dapr's SDK that moves what the gateway uses of it is noticed here, by name.

The SDK's private parts promise nothing. Whoever reads a failure of these tests after an update
finds in it what is gone, and what to do.
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
"""The calls that the gateway makes: what goes out and what comes in."""

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
"""The private messages' fields that the gateway uses, with their type if it is no plain one."""

ONE_OF = {"HistoryEvent": "eventType", "TimerCreatedEvent": "origin"}
"""The choices that the gateway looks at."""

METADATA = {
    "GetMetadataResponse": "runtime_version actor_runtime:ActorRuntime workflows:MetadataWorkflows",
    "ActorRuntime": "placement host_ready",
    "MetadataWorkflows": "connected_workers",
}
"""The same of the SDK's public messages about the sidecar itself."""


def gone(what: str) -> str:
    """Return what to do about something that the SDK has no more."""
    return (
        f"dapr {version('dapr')} has no {what} any more, and operations/gateway uses it.\n"
        f"Look in the SDK (dapr/ext/workflow/_durabletask/internal/*.pyi) for where it went, adapt "
        f"{STUBS} and what uses it, then the lists in this file; or go back to the version of "
        "`dapr` in requirements.txt that passes."
    )


def fields(message: Any) -> set[str]:
    """Return a message's fields, each with its type if it is no plain one."""
    typed = {
        field.name: field.message_type or field.enum_type for field in message.DESCRIPTOR.fields
    }
    return {f"{name}:{kind.name}" if kind else name for name, kind in typed.items()}


def missing(module: Any, used: dict[str, str]) -> list[str]:
    """Return the messages and fields that are not where they were."""
    messages = {name: getattr(module, name, None) for name in used}
    return [
        f"message {name} with the field {field}"
        for name, message in messages.items()
        for field in used[name].split()
        if message is None or field not in fields(message)
    ]


def test_the_sdk_still_has_the_private_messages() -> None:
    """Every field that the gateway reads or writes is there, and of its type."""
    found = missing(pb, MESSAGES)
    assert not found, gone("; ".join(found))


def test_the_sdk_still_has_the_sidecars_metadata() -> None:
    """The fields that tell of the engine's health are where they were."""
    found = missing(metadata_pb2, METADATA)
    assert not found, gone("; ".join(found))


@pytest.mark.parametrize(("message", "choice"), ONE_OF.items())
def test_the_sdk_still_has_the_choices(message: str, choice: str) -> None:
    """Which kind an event is, and why there is a timer, is told by a oneof of this name."""
    oneofs = getattr(pb, message).DESCRIPTOR.oneofs_by_name
    assert choice in oneofs, gone(f"oneof {choice} in the message {message}")


@pytest.mark.parametrize(("method", "types"), METHODS.items())
def test_the_sdk_still_has_the_private_calls(method: str, types: str) -> None:
    """Every call is in the service and in its client, with the same messages."""
    services = pb.CreateInstanceRequest.DESCRIPTOR.file.services_by_name
    assert SERVICE in services, gone(f"service {SERVICE}")
    call = services[SERVICE].methods_by_name.get(method)
    assert call, gone(f"call {method} in the service {SERVICE}")
    assert f"{call.input_type.name} {call.output_type.name}" == types, gone(
        f"call {method} with the messages {types}"
    )
    with grpc.insecure_channel("127.0.0.1:1") as channel:
        client = service.TaskHubSidecarServiceStub(channel)  # type: ignore[no-untyped-call]
    assert hasattr(client, method), gone(f"call {method} in its client")


def test_the_lists_name_every_message_that_is_used() -> None:
    """A message that the gateway begins to use needs its row above."""
    files = (PROJECT / STUBS).parent.glob("*.py")
    names = {name for file in files for name in re.findall(r"\bpb\.(\w+)", file.read_text())}
    used = {name for name in names if isinstance(getattr(pb, name, None), type)}
    assert used
    assert used <= MESSAGES.keys()


def test_one_module_knows_the_sdks_private_parts() -> None:
    """All others, the tests too, take them from it: an update is then a matter of one file."""
    ours = [file.relative_to(PROJECT) for file in PROJECT.glob("[!.]*/**/*.py")]
    found = {file.as_posix() for file in ours if "_durabletask" in (PROJECT / file).read_text()}
    here = Path(__file__).relative_to(PROJECT).as_posix()
    assert found - {here} == {STUBS}, f"Take the SDK's private parts from {STUBS}."

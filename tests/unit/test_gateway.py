"""The Dapr gateway, against a gRPC server of the test's own in place of the sidecar."""

import importlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from dapr.ext.workflow._durabletask.internal import orchestrator_service_pb2_grpc as stubs
from dapr.ext.workflow._durabletask.internal import protos as pb
from dapr.proto.runtime.v1 import dapr_pb2_grpc, jobs_pb2, metadata_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from operations.errors import (
    EngineRefused,
    EngineUnavailable,
    FlowdeckError,
    InstanceExists,
    InvalidInput,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import DaprGateway
from operations.model import Failure, HistoryEvent, Instance, Status
from tests.waiting import eventually

NOON = datetime(2026, 1, 11, 12, 0, 0, 123000, tzinfo=UTC)
PASSING = (
    grpc.StatusCode.UNKNOWN,
    "failed to load state: inbox key 'inbox-000000' declared in metadata but missing",
)
CALLER = "one-of-many"
EMPTY: dict[str, Callable[[], Any]] = {
    "StartInstance": pb.CreateInstanceResponse,
    "GetInstance": pb.GetInstanceResponse,
    "GetInstanceHistory": pb.GetInstanceHistoryResponse,
    "SuspendInstance": pb.SuspendResponse,
    "ResumeInstance": pb.ResumeResponse,
    "TerminateInstance": pb.TerminateResponse,
    "GetMetadata": metadata_pb2.GetMetadataResponse,
    "ListJobsAlpha1": jobs_pb2.ListJobsResponseAlpha1,
}
PUBLIC = {"GetMetadata", "ListJobsAlpha1"}


class Sidecar:
    """Answers the calls of a gateway: with an error while there are `failures`, else `answers`."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.failures: dict[str, list[tuple[grpc.StatusCode, str]]] = {}
        self.calls: Counter[str] = Counter()
        self.request: Any = None
        self.metadata: dict[str, str | bytes] = {}
        self.is_silent = False
        self.done = threading.Event()
        self.port = 0
        self._server: grpc.Server | None = None

    @property
    def endpoint(self) -> str:
        """The address."""
        return f"127.0.0.1:{self.port}"

    def listen(self) -> None:
        """Listen on the port of last time, at first on any."""
        options = [("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(8), options=options)
        workflows, sidecar = stubs.TaskHubSidecarServiceServicer(), dapr_pb2_grpc.DaprServicer()
        for method in EMPTY:
            setattr(sidecar if method in PUBLIC else workflows, method, self._answer(method))
        stubs.add_TaskHubSidecarServiceServicer_to_server(workflows, self._server)  # type: ignore[no-untyped-call]
        dapr_pb2_grpc.add_DaprServicer_to_server(sidecar, self._server)  # type: ignore[no-untyped-call]
        self.port = self._server.add_insecure_port(self.endpoint)
        self._server.start()

    def vanish(self) -> None:
        """Stop listening, and drop every connection."""
        if self._server:
            self._server.stop(None).wait()

    def _answer(self, method: str) -> Callable[[Any, grpc.ServicerContext], Any]:
        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            self.calls[method] += 1
            self.request = request
            self.metadata = {item[0]: item[1] for item in context.invocation_metadata()}
            if self.is_silent:
                self.done.wait(30)
            if self.failures.get(method):
                context.abort(*self.failures[method].pop(0))
            return self.answers.get(method) or EMPTY[method]()

        return answer


@pytest.fixture
def sidecar() -> Iterator[Sidecar]:
    """Return a sidecar that listens."""
    sidecar = Sidecar()
    sidecar.listen()
    yield sidecar
    sidecar.done.set()
    sidecar.vanish()


@pytest.fixture
def gateway(sidecar: Sidecar) -> Iterator[DaprGateway]:
    """Return a gateway to it, with short deadlines."""
    with closing(DaprGateway(sidecar.endpoint, read_timeout=0.3, write_timeout=0.3)) as gateway:
        yield gateway


READS: dict[str, tuple[str, Callable[[DaprGateway], object]]] = {
    "state": ("GetInstance", lambda gateway: gateway.state("order_A")),
    "history": ("GetInstanceHistory", lambda gateway: gateway.history("order_A")),
    "health": ("GetMetadata", lambda gateway: gateway.health()),
}
WRITES: dict[str, tuple[str, Callable[[DaprGateway], object]]] = {
    "start": ("StartInstance", lambda gateway: gateway.start("order_workflow", "order_A", "{}")),
    "pause": ("SuspendInstance", lambda gateway: gateway.pause("order_A")),
    "resume": ("ResumeInstance", lambda gateway: gateway.resume("order_A")),
    "terminate": ("TerminateInstance", lambda gateway: gateway.terminate("order_A")),
}
CALLS = READS | WRITES


def stamp(time: datetime) -> Timestamp:
    """Return a time as Dapr sends it."""
    sent = Timestamp()
    sent.FromDatetime(time)
    return sent


def found(**fields: Any) -> pb.GetInstanceResponse:
    """Return an instance as Dapr sends it."""
    state = pb.WorkflowState(instanceId="order_A", name="order_workflow", **fields)
    return pb.GetInstanceResponse(exists=True, workflowState=state)


def test_a_start_sends_its_payload_as_it_is(sidecar: Sidecar, gateway: DaprGateway) -> None:
    """Name, id and input reach the sidecar, and no start time."""
    gateway.start("order_workflow", "order_A", "0")
    assert sidecar.request == pb.CreateInstanceRequest(
        name="order_workflow",
        instanceId="order_A",
        input=StringValue(value="0"),
        version=StringValue(value=""),
    )


def test_terminate_ends_the_children_too(sidecar: Sidecar, gateway: DaprGateway) -> None:
    """A terminate is recursive."""
    gateway.terminate("order_A")
    assert sidecar.request == pb.TerminateRequest(instanceId="order_A", recursive=True)


@pytest.mark.parametrize("name", ["pause", "resume"])
def test_an_action_names_its_instance(sidecar: Sidecar, gateway: DaprGateway, name: str) -> None:
    """Each action calls its own method, with the id."""
    method, call = WRITES[name]
    call(gateway)
    assert sidecar.calls == {method: 1}
    assert sidecar.request.instanceId == "order_A"


def test_an_instance_is_read_whole(sidecar: Sidecar, gateway: DaprGateway) -> None:
    """Every field of the state arrives, times as aware UTC."""
    sidecar.answers["GetInstance"] = found(
        workflowStatus=pb.ORCHESTRATION_STATUS_COMPLETED,
        createdTimestamp=stamp(NOON),
        lastUpdatedTimestamp=stamp(NOON),
        input=StringValue(value="0"),
        output=StringValue(value=""),
        customStatus=StringValue(value='"sending"'),
    )
    assert gateway.state("order_A") == Instance(
        instance_id="order_A",
        workflow="order_workflow",
        status=Status.COMPLETED,
        created_at=NOON,
        last_updated_at=NOON,
        input="0",
        output="",
        custom_status='"sending"',
    )
    assert sidecar.request.getInputsAndOutputs


def test_what_an_instance_does_not_have_is_none(sidecar: Sidecar, gateway: DaprGateway) -> None:
    """No output is something other than an empty one; no time is no year 1970."""
    sidecar.answers["GetInstance"] = found()
    state = gateway.state("order_A")
    assert state
    assert (state.input, state.output, state.custom_status, state.failure) == (None,) * 4
    assert (state.created_at, state.last_updated_at) == (None, None)


def test_the_year_1_is_no_time(sidecar: Sidecar, gateway: DaprGateway) -> None:
    """Dapr gives it to an instance that is to start later."""
    never = stamp(datetime(1, 1, 1, tzinfo=UTC))
    sidecar.answers["GetInstance"] = found(createdTimestamp=never, lastUpdatedTimestamp=never)
    state = gateway.state("order_A")
    assert state
    assert (state.created_at, state.last_updated_at) == (None, None)


@pytest.mark.parametrize("name", pb.OrchestrationStatus.keys())
def test_every_status_of_dapr_has_a_name_here(
    sidecar: Sidecar, gateway: DaprGateway, name: str
) -> None:
    """No status that this version of Dapr has is shown as unknown."""
    number = pb.OrchestrationStatus.Value(name)
    sidecar.answers["GetInstance"] = found(workflowStatus=number)
    state = gateway.state("order_A")
    assert state
    assert state.status.value == name.removeprefix("ORCHESTRATION_STATUS_")
    assert state.status is not Status.UNKNOWN


def test_a_status_of_a_later_dapr_is_unknown(sidecar: Sidecar, gateway: DaprGateway) -> None:
    """A number without a name breaks nothing."""
    sidecar.answers["GetInstance"] = found(workflowStatus=99)
    state = gateway.state("order_A")
    assert state
    assert state.status is Status.UNKNOWN


def test_a_failure_is_read_with_its_trace(sidecar: Sidecar, gateway: DaprGateway) -> None:
    """Why an instance failed arrives as type, message and trace."""
    details = pb.TaskFailureDetails(
        errorType="InjectedFault", errorMessage="Injected", stackTrace=StringValue(value="line 1")
    )
    sidecar.answers["GetInstance"] = found(failureDetails=details)
    state = gateway.state("order_A")
    assert state
    assert state.failure == Failure("InjectedFault", "Injected", "line 1")


def test_a_missing_instance_is_none(gateway: DaprGateway) -> None:
    """The sidecar's answer that there is none is no error."""
    assert gateway.state("order_A") is None


@pytest.mark.parametrize(
    "failure",
    [
        (grpc.StatusCode.NOT_FOUND, "nothing"),
        (grpc.StatusCode.UNKNOWN, "api error: no such instance exists"),
    ],
)
def test_a_missing_instance_that_is_an_error_is_none_too(
    sidecar: Sidecar, gateway: DaprGateway, failure: tuple[grpc.StatusCode, str]
) -> None:
    """However the sidecar says that there is none, a read gives None."""
    sidecar.failures["GetInstance"] = [failure]
    assert gateway.state("order_A") is None


def test_a_history_is_read_in_its_order(sidecar: Sidecar, gateway: DaprGateway) -> None:
    """Each event has its id, time, kind, and name if it has one."""
    sidecar.answers["GetInstanceHistory"] = pb.GetInstanceHistoryResponse(
        events=[
            pb.HistoryEvent(
                eventId=-1,
                timestamp=stamp(NOON),
                executionStarted=pb.ExecutionStartedEvent(name="order_workflow"),
            ),
            pb.HistoryEvent(
                eventId=0,
                timestamp=stamp(NOON),
                taskScheduled=pb.TaskScheduledEvent(name="process_order"),
            ),
            pb.HistoryEvent(
                eventId=-1,
                timestamp=stamp(NOON),
                taskCompleted=pb.TaskCompletedEvent(taskScheduledId=0),
            ),
            pb.HistoryEvent(eventId=7, timestamp=stamp(NOON)),
        ]
    )
    assert gateway.history("order_A") == [
        HistoryEvent(-1, NOON, "executionStarted", "order_workflow"),
        HistoryEvent(0, NOON, "taskScheduled", "process_order"),
        HistoryEvent(-1, NOON, "taskCompleted", None),
        HistoryEvent(7, NOON, "unknown", None),
    ]


@pytest.mark.parametrize("name", READS)
def test_a_passing_failure_of_a_read_is_not_seen(
    sidecar: Sidecar, gateway: DaprGateway, name: str
) -> None:
    """A read while the instance is written is tried again."""
    method, call = READS[name]
    sidecar.failures[method] = [PASSING] * 4
    call(gateway)
    assert sidecar.calls[method] == 5


def test_a_failure_that_does_not_pass_ends_the_read(sidecar: Sidecar, gateway: DaprGateway) -> None:
    """After five attempts the sidecar's answer is what it is."""
    sidecar.failures["GetInstance"] = [PASSING] * 9
    with pytest.raises(EngineRefused, match="declared in metadata but missing"):
        gateway.state("order_A")
    assert sidecar.calls["GetInstance"] == 5


@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_never_tried_again(sidecar: Sidecar, gateway: DaprGateway, name: str) -> None:
    """Whatever the failure, a call that changes something is made once."""
    method, call = WRITES[name]
    sidecar.failures[method] = [PASSING]
    with pytest.raises(OutcomeUnknown):
        call(gateway)
    assert sidecar.calls[method] == 1


TRANSLATIONS = [
    ("history", (grpc.StatusCode.NOT_FOUND, "nothing"), UnknownInstance),
    ("pause", (grpc.StatusCode.UNKNOWN, "no such instance exists"), UnknownInstance),
    ("resume", (grpc.StatusCode.UNKNOWN, "no such instance exists"), UnknownInstance),
    ("terminate", (grpc.StatusCode.NOT_FOUND, "nothing"), UnknownInstance),
    ("start", (grpc.StatusCode.ALREADY_EXISTS, "it runs"), InstanceExists),
    ("start", (grpc.StatusCode.UNKNOWN, "job name is invalid"), EngineRefused),
    ("state", (grpc.StatusCode.INTERNAL, "broken"), EngineRefused),
    ("health", (grpc.StatusCode.UNAUTHENTICATED, "invalid token"), EngineRefused),
    ("state", (grpc.StatusCode.UNAVAILABLE, "not ready"), EngineUnavailable),
    ("start", (grpc.StatusCode.UNAVAILABLE, "not ready"), OutcomeUnknown),
    ("start", (grpc.StatusCode.UNKNOWN, "it went wrong while it waited"), OutcomeUnknown),
    ("pause", (grpc.StatusCode.INTERNAL, "broken"), OutcomeUnknown),
    ("start", (grpc.StatusCode.CANCELLED, "context canceled"), OutcomeUnknown),
    ("start", (grpc.StatusCode.INVALID_ARGUMENT, "no"), EngineRefused),
]


@pytest.mark.parametrize(("name", "failure", "error"), TRANSLATIONS)
def test_an_error_of_the_sidecar_becomes_one_of_the_house(
    sidecar: Sidecar,
    gateway: DaprGateway,
    name: str,
    failure: tuple[grpc.StatusCode, str],
    error: type[FlowdeckError],
) -> None:
    """Each of gRPC's errors has its own here, and remembers what it came from."""
    method, call = CALLS[name]
    sidecar.failures[method] = [failure]
    with pytest.raises(error) as raised:
        call(gateway)
    assert isinstance(raised.value.__cause__, grpc.RpcError)


def test_a_refusal_tells_the_sidecars_words(sidecar: Sidecar, gateway: DaprGateway) -> None:
    """What has no name here is told as the sidecar told it."""
    sidecar.failures["GetInstance"] = [(grpc.StatusCode.INTERNAL, "broken")]
    with pytest.raises(EngineRefused, match="INTERNAL: broken"):
        gateway.state("order_A")


@pytest.mark.parametrize("name", READS)
def test_a_read_without_an_answer_ends_at_its_deadline(
    sidecar: Sidecar, gateway: DaprGateway, name: str
) -> None:
    """A sidecar that keeps silent is as good as none."""
    sidecar.is_silent = True
    began = time.monotonic()
    with pytest.raises(EngineUnavailable, match="no answer in time"):
        READS[name][1](gateway)
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("name", WRITES)
def test_a_write_without_an_answer_may_have_happened(
    sidecar: Sidecar, gateway: DaprGateway, name: str
) -> None:
    """At its deadline nobody knows what became of it, and the error says so by the call's name."""
    sidecar.is_silent = True
    with pytest.raises(OutcomeUnknown, match=f"Whether the {name} was carried out is unknown"):
        WRITES[name][1](gateway)


def test_a_write_whose_connection_breaks_may_have_happened(sidecar: Sidecar) -> None:
    """A sidecar that dies during the call may have acted before."""
    sidecar.is_silent = True
    with closing(DaprGateway(sidecar.endpoint)) as gateway, ThreadPoolExecutor(1) as pool:
        call = pool.submit(gateway.pause, "order_A")
        eventually(lambda: sidecar.calls["SuspendInstance"], 5, "the call has arrived")
        sidecar.vanish()
        assert isinstance(call.exception(timeout=5), OutcomeUnknown)


@pytest.mark.parametrize("name", CALLS)
def test_nobody_listening_is_known_at_once(sidecar: Sidecar, name: str) -> None:
    """Without a sidecar nothing was done, be it a read or a write, and nobody waits."""
    sidecar.vanish()
    with closing(DaprGateway(sidecar.endpoint)) as gateway:
        began = time.monotonic()
        with pytest.raises(EngineUnavailable, match="no sidecar accepts the connection"):
            CALLS[name][1](gateway)
        assert time.monotonic() - began < 0.9


@pytest.mark.parametrize(
    "details", ["errors resolving sidecar:50001: Domain name not found", "DNS resolution failed"]
)
def test_a_host_that_is_not_known_was_not_called(
    sidecar: Sidecar, gateway: DaprGateway, details: str
) -> None:
    """In gRPC's words for a name without an address, nothing was done."""
    sidecar.failures["SuspendInstance"] = [(grpc.StatusCode.UNAVAILABLE, details)]
    with pytest.raises(EngineUnavailable, match="no sidecar accepts the connection"):
        gateway.pause("order_A")


def test_a_sidecar_that_comes_back_is_found(sidecar: Sidecar, gateway: DaprGateway) -> None:
    """The same gateway reaches it within two seconds, however long it was away."""
    gateway.health()
    sidecar.vanish()
    gone = time.monotonic()

    def is_back() -> bool:
        try:
            return bool(gateway.health())
        except EngineUnavailable:
            return False

    # Long enough for a back-off without a bound to have grown beyond the two seconds.
    eventually(lambda: is_back() or time.monotonic() > gone + 6, 10, "six seconds have passed")
    assert not is_back()
    sidecar.listen()
    began = time.monotonic()
    eventually(is_back, 3, "the sidecar is found")
    assert time.monotonic() - began < 2


def test_the_token_goes_with_every_call(sidecar: Sidecar) -> None:
    """Dapr knows its caller by the header `dapr-api-token`."""
    with closing(DaprGateway(sidecar.endpoint, api_token=CALLER)) as gateway:
        for _, call in CALLS.values():
            sidecar.metadata = {}
            call(gateway)
            assert sidecar.metadata["dapr-api-token"] == CALLER


def test_without_a_token_none_is_sent(sidecar: Sidecar, gateway: DaprGateway) -> None:
    """No empty token is sent."""
    gateway.health()
    assert "dapr-api-token" not in sidecar.metadata


@pytest.mark.parametrize("endpoint", ["ftp://sidecar", "sidecar:port", "sidecar:1/path"])
def test_an_endpoint_that_is_no_address_is_named(endpoint: str) -> None:
    """A bad address is told with its setting's name."""
    with pytest.raises(InvalidInput, match="DAPR_GRPC_ENDPOINT: found"):
        DaprGateway(endpoint)


def metadata(*, placement: bool, ready: bool) -> metadata_pb2.GetMetadataResponse:
    """Return what a sidecar says of itself."""
    return metadata_pb2.GetMetadataResponse(
        runtime_version="1.18.2",
        actor_runtime=metadata_pb2.ActorRuntime(
            placement="placement: connected" if placement else "placement: disconnected",
            host_ready=ready,
        ),
    )


NO_ERROR = None
NO_SCHEDULER = (grpc.StatusCode.INTERNAL, "error reading from server: EOF")
FORBIDDEN = (grpc.StatusCode.PERMISSION_DENIED, "the API is not allowed")
NOT_REACHED = "the sidecar has no connection to the scheduler (error reading from server: EOF)"
NO_PLACEMENT = "the sidecar has no connection to the placement service"
HEALTH = [
    ((True, True, NO_ERROR), ()),
    ((True, True, NO_SCHEDULER), (NOT_REACHED,)),
    ((True, True, FORBIDDEN), ()),
    ((False, True, NO_ERROR), (NO_PLACEMENT,)),
    ((False, False, NO_ERROR), (NO_PLACEMENT,)),
    ((True, False, NO_ERROR), ("the sidecar is not ready to run workflows",)),
    (
        (False, False, NO_SCHEDULER),
        (NO_PLACEMENT, NOT_REACHED),
    ),
]


@pytest.mark.parametrize(("parts", "problems"), HEALTH)
def test_health_tells_what_is_missing(
    sidecar: Sidecar,
    gateway: DaprGateway,
    parts: tuple[bool, bool, tuple[grpc.StatusCode, str] | None],
    problems: tuple[str, ...],
) -> None:
    """One sentence a problem, and none when all is there."""
    placement, ready, scheduler = parts
    sidecar.answers["GetMetadata"] = metadata(placement=placement, ready=ready)
    sidecar.failures["ListJobsAlpha1"] = [scheduler] if scheduler else []
    health = gateway.health()
    assert (health.version, health.problems) == ("1.18.2", problems)


def test_health_tells_of_a_scheduler_that_hangs(sidecar: Sidecar, gateway: DaprGateway) -> None:
    """The sidecar asks it for its jobs and gets no answer; its own metadata would not tell."""
    sidecar.answers["GetMetadata"] = metadata(placement=True, ready=True)
    sidecar.failures["ListJobsAlpha1"] = [(grpc.StatusCode.DEADLINE_EXCEEDED, "")]
    assert gateway.health().problems == ("the scheduler does not answer the sidecar",)


PRIVATE = {
    "CreateInstanceRequest": {"instanceId", "name", "version", "input"},
    "GetInstanceRequest": {"instanceId", "getInputsAndOutputs"},
    "GetInstanceResponse": {"exists", "workflowState"},
    "WorkflowState": {
        "name",
        "workflowStatus",
        "createdTimestamp",
        "lastUpdatedTimestamp",
        "input",
        "output",
        "customStatus",
        "failureDetails",
    },
    "TaskFailureDetails": {"errorType", "errorMessage", "stackTrace"},
    "GetInstanceHistoryRequest": {"instanceId"},
    "GetInstanceHistoryResponse": {"events"},
    "HistoryEvent": {"eventId", "timestamp"},
    "SuspendRequest": {"instanceId"},
    "ResumeRequest": {"instanceId"},
    "TerminateRequest": {"instanceId", "recursive"},
}


@pytest.mark.parametrize(("message", "fields"), PRIVATE.items())
def test_the_sdk_still_has_the_private_messages(message: str, fields: set[str]) -> None:
    """An SDK that moves or renames what the gateway uses is noticed here, by name."""
    protos = importlib.import_module("dapr.ext.workflow._durabletask.internal.protos")
    assert set(getattr(protos, message).DESCRIPTOR.fields_by_name) >= fields


def test_the_sdk_still_has_the_private_stub() -> None:
    """An SDK that moves or renames a call that the gateway makes is noticed here, by name."""
    name = "dapr.ext.workflow._durabletask.internal.orchestrator_service_pb2_grpc"
    with grpc.insecure_channel("127.0.0.1:1") as channel:
        stub = importlib.import_module(name).TaskHubSidecarServiceStub(channel)
    calls = EMPTY.keys() - PUBLIC
    assert {call for call in calls if hasattr(stub, call)} == calls
    assert "eventType" in pb.HistoryEvent.DESCRIPTOR.oneofs_by_name


def test_the_sdk_still_has_the_sidecars_metadata() -> None:
    """The fields that tell of the engine's health are where they were."""
    answer = metadata_pb2.GetMetadataResponse.DESCRIPTOR.fields_by_name
    assert {"runtime_version", "actor_runtime"} <= set(answer)
    actors = metadata_pb2.ActorRuntime.DESCRIPTOR.fields_by_name
    assert {"placement", "host_ready"} <= set(actors)

"""The Dapr gateway's calls, against a gRPC server in place of the sidecar."""

from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from operations.errors import DaprUnavailable, InvalidInput
from operations.gateway import DaprGateway, IdPage, open_gateway
from operations.gateway.channel import Address, parse_address
from operations.gateway.stubs import pb
from operations.model import Failure, Instance, Status
from operations.settings import OperationsSettings
from tests.unit.sidecar import CALLS, NOON, READS, WRITES, Sidecar, timestamp_of

CALLER = "one-of-many"


def found(**fields: Any) -> pb.GetInstanceResponse:
    """Return an instance as Dapr sends it."""
    state = pb.WorkflowState(instanceId="order_A", name="order_workflow", **fields)
    return pb.GetInstanceResponse(exists=True, workflowState=state)


def test_a_start_sends_its_payload_unchanged(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """Name, id and input reach the sidecar; there is no start time."""
    dapr.start("order_workflow", "order_A", "0")
    assert sidecar.request == pb.CreateInstanceRequest(
        name="order_workflow",
        instanceId="order_A",
        input=StringValue(value="0"),
        version=StringValue(value=""),
    )


def test_a_start_may_be_scheduled(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """The time reaches the sidecar in UTC, from any time zone."""
    eastward = NOON.astimezone(timezone(timedelta(hours=9)))
    dapr.start("order_workflow", "order_A", "0", scheduled_for=eastward)
    assert sidecar.request.scheduledStartTimestamp == timestamp_of(NOON)


def test_terminate_ends_the_children_too(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """A terminate is recursive."""
    dapr.terminate("order_A")
    assert sidecar.request == pb.TerminateRequest(instanceId="order_A", recursive=True)


@pytest.mark.parametrize("name", ["pause", "resume"])
def test_an_action_names_its_instance(sidecar: Sidecar, dapr: DaprGateway, name: str) -> None:
    """Each action calls its own method with the id."""
    method, call = WRITES[name]
    call(dapr)
    assert sidecar.calls == {method: 1}
    assert sidecar.request.instanceId == "order_A"


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, {"recursive": True, "force": False}),
        ({"recursive": False}, {"recursive": False, "force": False}),
        ({"force": True}, {"recursive": True, "force": True}),
        ({"force": True, "recursive": False}, {"recursive": True, "force": True}),
    ],
)
def test_a_forced_purge_is_always_recursive(
    sidecar: Sidecar, dapr: DaprGateway, options: dict[str, bool], sent: dict[str, bool]
) -> None:
    """A forced purge of a missing instance crashes daprd unless it is recursive."""
    dapr.purge("order_A", **options)
    request = sidecar.request
    assert request.instanceId == "order_A"
    assert {"recursive": request.recursive, "force": request.force} == sent


@pytest.mark.parametrize("payload", ["null", "0", "false", '""', "{}"])
def test_a_rerun_replaces_the_input(sidecar: Sidecar, dapr: DaprGateway, payload: str) -> None:
    """A falsy payload is an input too."""
    dapr.rerun("order_A", 3, "order_B", payload)
    assert sidecar.request == pb.RerunWorkflowFromEventRequest(
        sourceInstanceID="order_A",
        eventID=3,
        newInstanceID="order_B",
        input=StringValue(value=payload),
        overwriteInput=True,
    )


def test_a_rerun_without_a_payload_keeps_the_input(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """None is not `null`."""
    dapr.rerun("order_A", 3, "order_B")
    assert not sidecar.request.overwriteInput
    assert not sidecar.request.HasField("input")


@pytest.mark.parametrize("payload", ["null", "0", "false", '""', "{}"])
def test_an_event_has_its_payload(sidecar: Sidecar, dapr: DaprGateway, payload: str) -> None:
    """A falsy payload arrives; the SDK's own client drops it."""
    dapr.raise_event("order_A", "approval", payload)
    assert sidecar.request == pb.RaiseEventRequest(
        instanceId="order_A", name="approval", input=StringValue(value=payload)
    )


def test_an_event_may_have_no_payload(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """None is not `null`."""
    dapr.raise_event("order_A", "approval")
    assert not sidecar.request.HasField("input")


def test_an_instance_is_read_completely(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """All fields of the state arrive; times are aware UTC."""
    sidecar.answers["GetInstance"] = found(
        workflowStatus=pb.ORCHESTRATION_STATUS_COMPLETED,
        createdTimestamp=timestamp_of(NOON),
        lastUpdatedTimestamp=timestamp_of(NOON),
        input=StringValue(value="0"),
        output=StringValue(value=""),
        customStatus=StringValue(value='"sending"'),
    )
    assert dapr.state("order_A") == Instance(
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


def test_missing_values_are_none(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """A missing output is not an empty output, and a missing time is not 1970."""
    sidecar.answers["GetInstance"] = found()
    state = dapr.state("order_A")
    assert state
    assert (state.input, state.output, state.custom_status, state.failure) == (None,) * 4
    assert (state.created_at, state.last_updated_at) == (None, None)


def test_the_year_1_is_none(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """Dapr reports it for an instance that starts later."""
    never = timestamp_of(datetime(1, 1, 1, tzinfo=UTC))
    sidecar.answers["GetInstance"] = found(createdTimestamp=never, lastUpdatedTimestamp=never)
    state = dapr.state("order_A")
    assert state
    assert (state.created_at, state.last_updated_at) == (None, None)


@pytest.mark.parametrize("name", pb.OrchestrationStatus.keys())
def test_every_status_of_dapr_is_known(sidecar: Sidecar, dapr: DaprGateway, name: str) -> None:
    """No status of this version of Dapr is shown as unknown."""
    number = pb.OrchestrationStatus.Value(name)
    sidecar.answers["GetInstance"] = found(workflowStatus=number)
    state = dapr.state("order_A")
    assert state
    assert state.status.value == name.removeprefix("ORCHESTRATION_STATUS_")
    assert state.status is not Status.UNKNOWN


def test_a_status_of_a_later_dapr_is_unknown(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """A number without a name raises no error."""
    sidecar.answers["GetInstance"] = found(workflowStatus=99)
    state = dapr.state("order_A")
    assert state
    assert state.status is Status.UNKNOWN


def test_a_failure_is_read_with_its_trace(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """The failure has type, message and stack trace."""
    details = pb.TaskFailureDetails(
        errorType="InjectedFault", errorMessage="Injected", stackTrace=StringValue(value="line 1")
    )
    sidecar.answers["GetInstance"] = found(failureDetails=details)
    state = dapr.state("order_A")
    assert state
    assert state.failure == Failure("InjectedFault", "Injected", "line 1")


def test_a_missing_instance_is_none(dapr: DaprGateway) -> None:
    """The sidecar's answer that there is no instance is not an error."""
    assert dapr.state("order_A") is None


@pytest.mark.parametrize(
    "failure",
    [
        (grpc.StatusCode.NOT_FOUND, "nothing"),
        (grpc.StatusCode.UNKNOWN, "api error: no such instance exists"),
    ],
)
def test_a_missing_instance_that_is_an_error_is_none_too(
    sidecar: Sidecar, dapr: DaprGateway, failure: tuple[grpc.StatusCode, str]
) -> None:
    """Any answer of the sidecar for a missing instance becomes None."""
    sidecar.failures["GetInstance"] = [failure]
    assert dapr.state("order_A") is None


def test_ids_are_listed_in_pages(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """The first page is requested without a token, and has the token of the next page."""
    sidecar.answers["ListInstanceIDs"] = pb.ListInstanceIDsResponse(
        instanceIds=["order_A", "order_B"], continuationToken="2"
    )
    assert dapr.ids(page_size=2) == IdPage(("order_A", "order_B"), "2")
    assert sidecar.request == pb.ListInstanceIDsRequest(pageSize=2)


def test_the_last_page_has_no_token(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """A page is requested with its token; the last page may be empty."""
    assert dapr.ids(2, "2") == IdPage((), None)
    assert sidecar.request == pb.ListInstanceIDsRequest(pageSize=2, continuationToken="2")


def test_every_call_has_the_api_token(sidecar: Sidecar) -> None:
    """Dapr identifies its caller by the header `dapr-api-token`."""
    with closing(DaprGateway(sidecar.endpoint, api_token=CALLER)) as dapr:
        for _, call in CALLS.values():
            sidecar.metadata = {}
            call(dapr)
            assert sidecar.metadata["dapr-api-token"] == CALLER


def test_a_gateway_of_settings_has_all_of_them(
    sidecar: Sidecar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process opens its gateway so: its endpoint, token, companion and limit are the same."""
    monkeypatch.setenv("DAPR_GRPC_ENDPOINT", sidecar.endpoint)
    monkeypatch.setenv("DAPR_API_TOKEN", CALLER)
    monkeypatch.setenv("FLOWDECK_COMPANION", "true")
    monkeypatch.setenv("FLOWDECK_DAPR_MAX_BODY_SIZE", "8Mi")
    with closing(open_gateway(OperationsSettings.load())) as dapr:
        dapr.health()
        assert dapr.max_body_size == 8 * 2**20
    assert sidecar.metadata["dapr-api-token"] == CALLER
    assert not sidecar.calls["ListJobsAlpha1"], "a companion has no scheduler"


@pytest.mark.parametrize("name", CALLS)
def test_reads_are_not_traced(sidecar: Sidecar, dapr: DaprGateway, name: str) -> None:
    """Daprd would create a span for each read, but only spans of changes are needed.

    The health check ends with a call about the scheduler, which is traced.
    """
    CALLS[name][1](dapr)
    trace = str(sidecar.metadata.get("traceparent", ""))
    is_read = name in READS and name != "health"
    assert trace.endswith("-00") if is_read else not trace


def test_without_an_api_token_no_header_is_sent(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """An empty token is not sent."""
    dapr.health()
    assert "dapr-api-token" not in sidecar.metadata


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "ftp://sidecar",
        "sidecar:port",
        "sidecar:99999",
        "sidecar:1/path",
        "sidecar:1?tls=yes",
        "sidecar:1?tls=",
        "sidecar:1?TLS=true",
        "dns:sidecar:1?tls=yes",
        "https://sidecar:1?tls=false",
        "::1:50001",
        "user@sidecar:1",
    ],
)
def test_an_invalid_endpoint_is_named(endpoint: str) -> None:
    """The error has the name of the setting."""
    with pytest.raises(InvalidInput, match="DAPR_GRPC_ENDPOINT: found"):
        DaprGateway(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("sidecar:50001", Address("dns:sidecar:50001", tls=False)),
        ("127.0.0.1:50001?tls=false", Address("dns:127.0.0.1:50001", tls=False)),
        ("sidecar:443?tls=true", Address("dns:sidecar:443", tls=True)),
        ("https://sidecar", Address("dns:sidecar:443", tls=True)),
        ("http://sidecar:80", Address("dns:sidecar:80", tls=False)),
        ("[::1]:50001", Address("dns:[::1]:50001", tls=False)),
        ("https://[2001:db8::1]:443", Address("dns:[2001:db8::1]:443", tls=True)),
        ("dns:sidecar:50001", Address("dns:sidecar:50001", tls=False)),
        ("unix:///run/Dapr.sock", Address("unix:///run/Dapr.sock", tls=False)),
    ],
)
def test_an_endpoint_is_in_the_grammar_of_the_sdk(endpoint: str, address: Address) -> None:
    """A short IPv6 address works too, which the SDK's parser breaks."""
    assert parse_address(endpoint) == address


def test_a_sidecar_at_an_ipv6_address_answers() -> None:
    """The brackets are part of the address."""
    sidecar = Sidecar(host="[::1]")
    sidecar.listen()
    with closing(DaprGateway(sidecar.endpoint, read_timeout=5)) as dapr:
        assert dapr.app_id() == "orders"
    sidecar.stop()


@pytest.mark.parametrize("name", READS)
def test_a_refused_token_is_an_outage_with_the_remedy(
    sidecar: Sidecar, dapr: DaprGateway, name: str
) -> None:
    """Every read says which setting must be set; the recorder and the pages wait for it."""
    method, call = READS[name]
    sidecar.failures[method] = [(grpc.StatusCode.UNAUTHENTICATED, "authentication error")]
    with pytest.raises(DaprUnavailable, match="refuses the API token, so DAPR_API_TOKEN must"):
        call(dapr)

"""How the gateway handles a sidecar that fails, refuses, hangs or is away."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import grpc
import pytest

from operations.errors import (
    DaprRefused,
    DaprUnavailable,
    FlowdeckError,
    HistoryLost,
    InstanceExists,
    NotFinished,
    NotRerunnable,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import DaprGateway
from tests.unit.sidecar import CALLS, READS, WRITES, Sidecar
from tests.waiting import eventually

TRANSIENT = (
    grpc.StatusCode.UNKNOWN,
    "failed to load state: inbox key 'inbox-000000' declared in metadata but missing",
)


@pytest.fixture
def patient(sidecar: Sidecar) -> Iterator[DaprGateway]:
    """Return a gateway whose repeated reads end in time on a busy machine too."""
    with closing(DaprGateway(sidecar.endpoint, read_timeout=20, history_timeout=20)) as gateway:
        yield gateway


@pytest.mark.parametrize("name", READS)
def test_a_transient_failure_of_a_read_is_retried(
    sidecar: Sidecar, patient: DaprGateway, name: str
) -> None:
    """A read fails for a moment while the instance is written."""
    method, call = READS[name]
    sidecar.failures[method] = [TRANSIENT] * 4
    call(patient)
    assert sidecar.calls[method] == 5


def test_a_permanent_failure_ends_the_read(sidecar: Sidecar, patient: DaprGateway) -> None:
    """After five attempts the sidecar's error is raised."""
    sidecar.failures["GetInstance"] = [TRANSIENT] * 9
    with pytest.raises(DaprRefused, match="declared in metadata but missing"):
        patient.state("order_A")
    assert sidecar.calls["GetInstance"] == 5


@pytest.mark.parametrize("name", ["state", "history"])
def test_a_lost_history_is_named_with_the_remedy(
    sidecar: Sidecar, patient: DaprGateway, name: str
) -> None:
    """The engine's text becomes cause and remedy; it also fails each read while it writes."""
    method, call = READS[name]
    details = (
        "workflow 'order_A': history key 'history-000000' declared in metadata (historyLength=83) "
        "but missing from state store (transient store read failure or partial save?)"
    )
    sidecar.failures[method] = [(grpc.StatusCode.UNKNOWN, details)] * 9
    with pytest.raises(HistoryLost) as raised:
        call(patient)
    assert str(raised.value) == (
        "Dapr cannot read 'order_A': The history key 'history-000000' is missing in Dapr's state "
        "store. If this lasts, Dapr has lost the history of this instance, and refuses to read, "
        "change or purge it, even by force. Delete its rows in the state store: docs/operating.md "
        "says how."
    )
    assert sidecar.calls[method] == 5


@pytest.mark.parametrize(
    ("details", "cause"),
    [
        (
            "failed to unmarshal history event from history state key 'history-000001': proto: no",
            "The history event from history state key 'history-000001' is damaged in Dapr's",
        ),
        (
            "failed to unmarshal workflow metadata: proto: no",
            "The workflow metadata is damaged in Dapr's",
        ),
    ],
)
def test_a_damaged_history_is_lost_too(
    sidecar: Sidecar, dapr: DaprGateway, details: str, cause: str
) -> None:
    """Dapr refuses every read, and does not name the instance."""
    sidecar.failures["GetInstance"] = [(grpc.StatusCode.UNKNOWN, details)]
    with pytest.raises(HistoryLost, match=f"^Dapr cannot read 'order_A': {cause}"):
        dapr.state("order_A")


@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_never_retried(sidecar: Sidecar, dapr: DaprGateway, name: str) -> None:
    """A call that changes something is made once, for any failure."""
    method, call = WRITES[name]
    sidecar.failures[method] = [TRANSIENT]
    with pytest.raises(OutcomeUnknown):
        call(dapr)
    assert sidecar.calls[method] == 1


INVALID = grpc.StatusCode.INVALID_ARGUMENT
PURGE = "failed to purge workflow state"
UNFINISHED = "orchestration has not yet completed"
TRANSLATIONS = [
    ("history", (grpc.StatusCode.NOT_FOUND, "nothing"), UnknownInstance),
    ("pause", (grpc.StatusCode.UNKNOWN, "no such instance exists"), UnknownInstance),
    ("resume", (grpc.StatusCode.UNKNOWN, "no such instance exists"), UnknownInstance),
    ("terminate", (grpc.StatusCode.NOT_FOUND, "nothing"), UnknownInstance),
    ("start", (grpc.StatusCode.ALREADY_EXISTS, "it runs"), InstanceExists),
    ("purge", (grpc.StatusCode.UNKNOWN, f"{PURGE}: no such instance exists"), UnknownInstance),
    ("purge", (grpc.StatusCode.UNKNOWN, f"{PURGE}: {UNFINISHED}"), NotFinished),
    ("rerun", (grpc.StatusCode.NOT_FOUND, "workflow instance does not exist"), UnknownInstance),
    ("rerun", (grpc.StatusCode.NOT_FOUND, "does not have history event with ID"), NotRerunnable),
    ("rerun", (grpc.StatusCode.NOT_FOUND, "is not an event that can be rerun"), NotRerunnable),
    ("rerun", (grpc.StatusCode.INVALID_ARGUMENT, "is not in a terminal state"), NotRerunnable),
    (
        "rerun",
        (grpc.StatusCode.INVALID_ARGUMENT, "cannot rerun from child-workflows"),
        NotRerunnable,
    ),
    (
        "rerun",
        (grpc.StatusCode.INVALID_ARGUMENT, "cannot write input to timer event"),
        NotRerunnable,
    ),
    ("raise", (grpc.StatusCode.UNKNOWN, "no such instance exists"), UnknownInstance),
    ("raise", (grpc.StatusCode.UNKNOWN, "workflow is stalled"), DaprRefused),
    ("raise", (grpc.StatusCode.UNKNOWN, "failed to invoke: actor is stalled"), DaprRefused),
    ("start", (grpc.StatusCode.UNKNOWN, "job name is invalid"), DaprRefused),
    ("state", (grpc.StatusCode.INTERNAL, "broken"), DaprRefused),
    ("health", (grpc.StatusCode.UNAUTHENTICATED, "invalid token"), DaprUnavailable),
    ("state", (grpc.StatusCode.UNAVAILABLE, "not ready"), DaprUnavailable),
    ("start", (grpc.StatusCode.UNAVAILABLE, "not ready"), OutcomeUnknown),
    ("start", (grpc.StatusCode.UNKNOWN, "it went wrong while it waited"), OutcomeUnknown),
    ("pause", (grpc.StatusCode.INTERNAL, "broken"), OutcomeUnknown),
    ("start", (grpc.StatusCode.CANCELLED, "context canceled"), OutcomeUnknown),
    ("start", (grpc.StatusCode.INVALID_ARGUMENT, "no"), DaprRefused),
]


@pytest.mark.parametrize(("name", "failure", "error"), TRANSLATIONS)
def test_each_grpc_error_becomes_a_flowdeck_error(
    sidecar: Sidecar,
    dapr: DaprGateway,
    name: str,
    failure: tuple[grpc.StatusCode, str],
    error: type[FlowdeckError],
) -> None:
    """The Flowdeck error has the gRPC error as its cause."""
    method, call = CALLS[name]
    sidecar.failures[method] = [failure]
    with pytest.raises(error) as raised:
        call(dapr)
    assert isinstance(raised.value.__cause__, grpc.RpcError)


def test_a_rerun_with_a_taken_id_names_the_new_id(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """The call is about the source, so the id comes from the engine's message."""
    details = "workflow 'order_B' has already been created"
    sidecar.failures["RerunWorkflowFromEvent"] = [(grpc.StatusCode.ALREADY_EXISTS, details)]
    with pytest.raises(InstanceExists, match="The id 'order_B' is taken by another instance"):
        dapr.rerun("order_A", 3, "order_B")


def test_a_refusal_has_the_sidecars_message(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """An error without a class of its own has the code and the sidecar's text."""
    sidecar.failures["GetInstance"] = [(grpc.StatusCode.INTERNAL, "broken")]
    with pytest.raises(DaprRefused, match="INTERNAL: broken"):
        dapr.state("order_A")


@pytest.mark.parametrize("instance_id", ["a||b", "a||b||metadata", "||", "a\nb||c"])
def test_an_id_that_breaks_the_list_is_named(
    sidecar: Sidecar, dapr: DaprGateway, instance_id: str
) -> None:
    """Dapr lists nothing while there is such an id; the message has the id and the remedy."""
    key = f"orders||dapr.internal.default.orders.workflow||{instance_id}||metadata"
    details = f"invalid key format: {key}"
    sidecar.failures["ListInstanceIDs"] = [(grpc.StatusCode.UNKNOWN, details)]
    with pytest.raises(DaprRefused) as raised:
        dapr.ids()
    assert repr(instance_id) in str(raised.value)
    assert "Terminate that instance and purge it." in str(raised.value)


@pytest.mark.parametrize(
    ("name", "what"), [("start", "received"), ("history", "trying to send"), ("state", "received")]
)
def test_a_message_that_is_too_large_is_refused(
    sidecar: Sidecar, dapr: DaprGateway, name: str, what: str
) -> None:
    """The sidecar limits both directions; a call that it did not accept was not carried out."""
    method, call = CALLS[name]
    details = f"grpc: {what} message larger than max (5000000 vs. 4194304)"
    sidecar.failures[method] = [(grpc.StatusCode.RESOURCE_EXHAUSTED, details)]
    with pytest.raises(DaprRefused, match=r"5000000 bytes.* at most 4194304.*--max-body-size"):
        call(dapr)


@pytest.mark.parametrize("name", READS)
def test_a_read_without_an_answer_ends_at_its_deadline(
    sidecar: Sidecar, dapr: DaprGateway, name: str
) -> None:
    """A sidecar that hangs counts as unreachable."""
    sidecar.is_silent = True
    with pytest.raises(DaprUnavailable, match="no answer in time"):
        READS[name][1](dapr)
    assert sidecar.time_remaining is not None
    # The deadline of `dapr`, 0.3 s, as the sidecar received it: gRPC rounds it up. A gateway with
    # its own timeouts would wait for a second or longer.
    assert sidecar.time_remaining < 0.5


def test_a_history_may_take_longer_than_other_reads(sidecar: Sidecar) -> None:
    """A history may be large, so it has its own deadline."""
    sidecar.is_silent = True
    with (
        closing(DaprGateway(sidecar.endpoint, read_timeout=0.1, history_timeout=0.6)) as dapr,
        ThreadPoolExecutor(1) as pool,
    ):
        reading = pool.submit(dapr.history, "order_A")
        with pytest.raises(DaprUnavailable):
            dapr.state("order_A")
        assert not reading.done()
        sidecar.done.set()
        assert reading.result(timeout=5) == ()


@pytest.mark.parametrize("name", WRITES)
def test_a_write_without_an_answer_has_an_unknown_outcome(
    sidecar: Sidecar, dapr: DaprGateway, name: str
) -> None:
    """The error has the name of the call."""
    sidecar.is_silent = True
    with pytest.raises(OutcomeUnknown, match=f"Whether the {name} was carried out is unknown"):
        WRITES[name][1](dapr)


def test_a_write_whose_connection_breaks_has_an_unknown_outcome(sidecar: Sidecar) -> None:
    """A sidecar that dies during the call may have acted before."""
    sidecar.is_silent = True
    with closing(DaprGateway(sidecar.endpoint)) as dapr, ThreadPoolExecutor(1) as pool:
        call = pool.submit(dapr.pause, "order_A")
        eventually(lambda: sidecar.calls["SuspendInstance"], 5, "the call has arrived")
        sidecar.stop()
        assert isinstance(call.exception(timeout=5), OutcomeUnknown)


@pytest.mark.parametrize("name", CALLS)
def test_a_refused_connection_is_reported_at_once(sidecar: Sidecar, name: str) -> None:
    """Neither a read nor a write was carried out, and neither waits for its deadline."""
    sidecar.stop()
    longer = 600  # seconds: longer than a test may take
    gateway = DaprGateway(
        sidecar.endpoint, read_timeout=longer, write_timeout=longer, history_timeout=longer
    )
    with (
        closing(gateway) as dapr,
        pytest.raises(DaprUnavailable, match="no sidecar accepts the connection"),
    ):
        CALLS[name][1](dapr)


@pytest.mark.parametrize(
    "details", ["errors resolving sidecar:50001: Domain name not found", "DNS resolution failed"]
)
def test_a_write_to_an_unknown_host_was_not_carried_out(
    sidecar: Sidecar, dapr: DaprGateway, details: str
) -> None:
    """A host name without an address counts as unreachable."""
    sidecar.failures["SuspendInstance"] = [(grpc.StatusCode.UNAVAILABLE, details)]
    with pytest.raises(DaprUnavailable, match="no sidecar accepts the connection"):
        dapr.pause("order_A")


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ("SSL_ERROR_SSL: error:1000007d: CERTIFICATE_VERIFY_FAILED: self signed", "not trusted"),
        ("UNAUTHENTICATED: Hostname Verification Check failed.", "for another host name"),
        ("SSL_ERROR_SSL: error:100000f7: WRONG_VERSION_NUMBER", "does not use TLS"),
        ("Cannot check peer: missing selected ALPN property.", "ALPN h2"),
        ("ipv4:127.0.0.1:50001: Socket closed", "the address needs TLS"),
    ],
)
def test_a_connection_that_fails_by_tls_is_explained(
    sidecar: Sidecar, dapr: DaprGateway, details: str, reason: str
) -> None:
    """The message says what to correct; nothing was carried out."""
    text = f"failed to connect to all addresses; last error: UNKNOWN: {details}"
    sidecar.failures["SuspendInstance"] = [(grpc.StatusCode.UNAVAILABLE, text)]
    with pytest.raises(DaprUnavailable, match=reason):
        dapr.pause("order_A")


def test_the_http_port_is_explained(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """It answers gRPC with an HTTP error."""
    text = "Received http2 header with status: 404"
    sidecar.failures["SuspendInstance"] = [(grpc.StatusCode.UNIMPLEMENTED, text)]
    with pytest.raises(DaprRefused, match="use the sidecar's gRPC port"):
        dapr.pause("order_A")


def test_a_restarted_sidecar_is_found(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """The same gateway reaches it within two seconds, after any outage."""
    dapr.health()
    sidecar.stop()
    gone_at = time.monotonic()

    def is_back() -> bool:
        try:
            return bool(dapr.health())
        except DaprUnavailable:
            return False

    # After six seconds an unlimited back-off would be longer than the wait below.
    eventually(lambda: is_back() or time.monotonic() > gone_at + 6, 10, "six seconds have passed")
    assert not is_back()
    sidecar.listen()
    eventually(is_back, 2, "the sidecar is found")

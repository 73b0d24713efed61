"""What the gateway makes of a sidecar that fails, refuses, keeps silent or is not there."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import grpc
import pytest

from operations.errors import (
    DaprRefused,
    DaprUnavailable,
    FlowdeckError,
    InstanceExists,
    NotFinished,
    NotRerunnable,
    OutcomeUnknown,
    UnknownInstance,
)
from operations.gateway import DaprGateway
from tests.unit.sidecar import CALLS, READS, WRITES, Sidecar
from tests.waiting import eventually

PASSING = (
    grpc.StatusCode.UNKNOWN,
    "failed to load state: inbox key 'inbox-000000' declared in metadata but missing",
)


@pytest.mark.parametrize("name", READS)
def test_a_passing_failure_of_a_read_is_not_seen(
    sidecar: Sidecar, dapr: DaprGateway, name: str
) -> None:
    """A read while the instance is written is tried again."""
    method, call = READS[name]
    sidecar.failures[method] = [PASSING] * 4
    call(dapr)
    assert sidecar.calls[method] == 5


def test_a_failure_that_does_not_pass_ends_the_read(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """After five attempts the sidecar's answer is what it is."""
    sidecar.failures["GetInstance"] = [PASSING] * 9
    with pytest.raises(DaprRefused, match="declared in metadata but missing"):
        dapr.state("order_A")
    assert sidecar.calls["GetInstance"] == 5


@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_never_tried_again(sidecar: Sidecar, dapr: DaprGateway, name: str) -> None:
    """Whatever the failure, a call that changes something is made once."""
    method, call = WRITES[name]
    sidecar.failures[method] = [PASSING]
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
    ("health", (grpc.StatusCode.UNAUTHENTICATED, "invalid token"), DaprRefused),
    ("state", (grpc.StatusCode.UNAVAILABLE, "not ready"), DaprUnavailable),
    ("start", (grpc.StatusCode.UNAVAILABLE, "not ready"), OutcomeUnknown),
    ("start", (grpc.StatusCode.UNKNOWN, "it went wrong while it waited"), OutcomeUnknown),
    ("pause", (grpc.StatusCode.INTERNAL, "broken"), OutcomeUnknown),
    ("start", (grpc.StatusCode.CANCELLED, "context canceled"), OutcomeUnknown),
    ("start", (grpc.StatusCode.INVALID_ARGUMENT, "no"), DaprRefused),
]


@pytest.mark.parametrize(("name", "failure", "error"), TRANSLATIONS)
def test_an_error_of_the_sidecar_becomes_one_of_the_house(
    sidecar: Sidecar,
    dapr: DaprGateway,
    name: str,
    failure: tuple[grpc.StatusCode, str],
    error: type[FlowdeckError],
) -> None:
    """Each of gRPC's errors has its own here, and remembers what it came from."""
    method, call = CALLS[name]
    sidecar.failures[method] = [failure]
    with pytest.raises(error) as raised:
        call(dapr)
    assert isinstance(raised.value.__cause__, grpc.RpcError)


def test_the_id_that_a_rerun_finds_taken_is_the_new_one(
    sidecar: Sidecar, dapr: DaprGateway
) -> None:
    """The call is about the source, and so it is the engine's words that name the other one."""
    details = "workflow 'order_B' has already been created"
    sidecar.failures["RerunWorkflowFromEvent"] = [(grpc.StatusCode.ALREADY_EXISTS, details)]
    with pytest.raises(InstanceExists, match="The id 'order_B' is taken by another instance"):
        dapr.rerun("order_A", 3, "order_B")


def test_a_refusal_tells_the_sidecars_words(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """What has no name here is told as the sidecar told it."""
    sidecar.failures["GetInstance"] = [(grpc.StatusCode.INTERNAL, "broken")]
    with pytest.raises(DaprRefused, match="INTERNAL: broken"):
        dapr.state("order_A")


@pytest.mark.parametrize("instance_id", ["a||b", "a||b||metadata", "||", "a\nb||c"])
def test_an_id_that_breaks_the_list_is_named(
    sidecar: Sidecar, dapr: DaprGateway, instance_id: str
) -> None:
    """Dapr lists nothing while there is such an id: the words say which, and what to do."""
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
def test_what_is_too_large_for_the_sidecar_says_so(
    sidecar: Sidecar, dapr: DaprGateway, name: str, what: str
) -> None:
    """The sidecar has a limit of its own, both ways; what it did not take in, it did not do."""
    method, call = CALLS[name]
    details = f"grpc: {what} message larger than max (5000000 vs. 4194304)"
    sidecar.failures[method] = [(grpc.StatusCode.RESOURCE_EXHAUSTED, details)]
    with pytest.raises(DaprRefused, match=r"5000000 bytes.* at most 4194304.*--max-body-size"):
        call(dapr)


@pytest.mark.parametrize("name", READS)
def test_a_read_without_an_answer_ends_at_its_deadline(
    sidecar: Sidecar, dapr: DaprGateway, name: str
) -> None:
    """A sidecar that keeps silent is as good as none."""
    sidecar.is_silent = True
    began = time.monotonic()
    with pytest.raises(DaprUnavailable, match="no answer in time"):
        READS[name][1](dapr)
    assert time.monotonic() - began < 1.5


def test_a_history_may_take_longer_than_other_reads(sidecar: Sidecar) -> None:
    """It has a deadline of its own, for it may be large."""
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
def test_a_write_without_an_answer_may_have_happened(
    sidecar: Sidecar, dapr: DaprGateway, name: str
) -> None:
    """At its deadline nobody knows what became of it, and the error says so by the call's name."""
    sidecar.is_silent = True
    with pytest.raises(OutcomeUnknown, match=f"Whether the {name} was carried out is unknown"):
        WRITES[name][1](dapr)


def test_a_write_whose_connection_breaks_may_have_happened(sidecar: Sidecar) -> None:
    """A sidecar that dies during the call may have acted before."""
    sidecar.is_silent = True
    with closing(DaprGateway(sidecar.endpoint)) as dapr, ThreadPoolExecutor(1) as pool:
        call = pool.submit(dapr.pause, "order_A")
        eventually(lambda: sidecar.calls["SuspendInstance"], 5, "the call has arrived")
        sidecar.vanish()
        assert isinstance(call.exception(timeout=5), OutcomeUnknown)


@pytest.mark.parametrize("name", CALLS)
def test_nobody_listening_is_known_at_once(sidecar: Sidecar, name: str) -> None:
    """Without a sidecar nothing was done, be it a read or a write, and nobody waits."""
    sidecar.vanish()
    with closing(DaprGateway(sidecar.endpoint)) as dapr:
        began = time.monotonic()
        with pytest.raises(DaprUnavailable, match="no sidecar accepts the connection"):
            CALLS[name][1](dapr)
        assert time.monotonic() - began < 0.9


@pytest.mark.parametrize(
    "details", ["errors resolving sidecar:50001: Domain name not found", "DNS resolution failed"]
)
def test_a_host_that_is_not_known_was_not_called(
    sidecar: Sidecar, dapr: DaprGateway, details: str
) -> None:
    """In gRPC's words for a name without an address, nothing was done."""
    sidecar.failures["SuspendInstance"] = [(grpc.StatusCode.UNAVAILABLE, details)]
    with pytest.raises(DaprUnavailable, match="no sidecar accepts the connection"):
        dapr.pause("order_A")


def test_a_sidecar_that_comes_back_is_found(sidecar: Sidecar, dapr: DaprGateway) -> None:
    """The same gateway reaches it within two seconds, however long it was away."""
    dapr.health()
    sidecar.vanish()
    gone = time.monotonic()

    def is_back() -> bool:
        try:
            return bool(dapr.health())
        except DaprUnavailable:
            return False

    # Long enough for a back-off without a bound to have grown beyond the two seconds.
    eventually(lambda: is_back() or time.monotonic() > gone + 6, 10, "six seconds have passed")
    assert not is_back()
    sidecar.listen()
    began = time.monotonic()
    eventually(is_back, 3, "the sidecar is found")
    assert time.monotonic() - began < 2

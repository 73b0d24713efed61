"""A gateway that is bound to one application, and a sidecar of another one at its address."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from dapr.proto.runtime.v1 import metadata_pb2

from operations.errors import DaprUnavailable
from operations.gateway import DaprGateway
from tests.unit.sidecar import CALLS, READS, WRITES, Sidecar
from tests.waiting import eventually

Bind = Callable[..., DaprGateway]

REFUSAL = "now belongs to the application 'bank', but this Flowdeck follows 'shop'"


def belongs_to(sidecar: Sidecar, app_id: str) -> None:
    """Let the sidecar belong to an application."""
    sidecar.answers["GetMetadata"] = metadata_pb2.GetMetadataResponse(id=app_id)


@pytest.fixture
def bound(sidecar: Sidecar) -> Iterator[Bind]:
    """Return a function that binds a gateway to an application."""
    opened = []

    def bind(app_id: str, check_every: float = 1.0) -> DaprGateway:
        gateway = DaprGateway(sidecar.endpoint, only_app_id=app_id, check_every=check_every)
        opened.append(gateway)
        return opened[-1]

    yield bind
    for each in opened:
        each.close()


@pytest.mark.parametrize("name", CALLS)
def test_no_call_reaches_the_sidecar_of_another_application(
    sidecar: Sidecar, bound: Bind, name: str
) -> None:
    """Only its metadata are read; the message names both applications, and the remedy."""
    belongs_to(sidecar, "bank")
    gateway = bound("shop")
    with pytest.raises(DaprUnavailable, match=REFUSAL) as refused:
        CALLS[name][1](gateway)
    assert sidecar.endpoint in str(refused.value)
    assert "start it again to follow 'bank'" in str(refused.value)
    assert sidecar.calls.keys() == {"GetMetadata"}
    assert gateway.app_id() == "shop"


@pytest.mark.parametrize("name", WRITES)
def test_every_write_asks_for_the_application(sidecar: Sidecar, bound: Bind, name: str) -> None:
    """The address may have changed hands since the last answer."""
    belongs_to(sidecar, "shop")
    gateway = bound("shop")
    method, write = WRITES[name]
    write(gateway)
    belongs_to(sidecar, "bank")
    with pytest.raises(DaprUnavailable, match=REFUSAL):
        write(gateway)
    assert sidecar.calls[method] == 1


@pytest.mark.parametrize(("check_every", "checks"), [(60.0, 1), (0.0, 2)])
def test_reads_ask_for_the_application_at_times(
    sidecar: Sidecar, bound: Bind, check_every: float, checks: int
) -> None:
    """An answer holds for this time."""
    belongs_to(sidecar, "shop")
    gateway = bound("shop", check_every=check_every)
    gateway.state("order_A")
    gateway.ids()
    assert sidecar.calls["GetMetadata"] == checks


@pytest.mark.parametrize("name", READS)
def test_after_a_failed_call_reads_ask_again(sidecar: Sidecar, bound: Bind, name: str) -> None:
    """An address changes hands only when its connections break."""
    belongs_to(sidecar, "shop")
    gateway = bound("shop", check_every=60.0)
    gateway.state("order_A")
    sidecar.stop()
    with pytest.raises(DaprUnavailable):
        gateway.ids()
    belongs_to(sidecar, "bank")
    sidecar.listen()

    def refusal() -> str:
        with pytest.raises(DaprUnavailable) as refused:
            READS[name][1](gateway)
        return str(refused.value)

    eventually(lambda: REFUSAL in refusal(), 10, "the connection is back")


def test_the_first_application_that_answers_is_kept(sidecar: Sidecar, bound: Bind) -> None:
    """The sidecar may be away when Flowdeck is attached for the first time."""
    belongs_to(sidecar, "shop")
    gateway = bound("")
    assert gateway.app_id(fresh=True) == "shop"
    belongs_to(sidecar, "bank")
    with pytest.raises(DaprUnavailable, match=REFUSAL):
        gateway.app_id(fresh=True)


def test_other_gateways_ask_nothing(sidecar: Sidecar) -> None:
    """`make run` has the only sidecar at its address."""
    with closing(DaprGateway(sidecar.endpoint)) as gateway:
        gateway.state("order_A")
        gateway.pause("order_A")
    assert "GetMetadata" not in sidecar.calls
